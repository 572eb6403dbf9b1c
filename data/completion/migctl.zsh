#compdef migctl
# SPDX-License-Identifier: Apache-2.0
#
# zsh completion of migctl. The words come from the program itself: 'migctl __complete' knows its
# commands, and asks the driver or the lab, by reading calls alone, for no longer than a moment.

compdef _migctl migctl

_migctl()
{
	local line kind word about program=${(Q)words[1]/#\~\//$HOME/}
	local -a plain open before
	before=("${(@Q)words[2,CURRENT-1]}")
	(( CURRENT > 2 )) || before=()
	while IFS= read -r line; do
		case $line in
		:*) kind=${line#:}; continue ;;
		esac
		word=${line%%$'\t'*}
		about=${line#*$'\t'}
		word=${${word//\\/\\\\}//:/\\:}${about:+:$about}
		if [[ $line == *=$'\t'* ]]; then open+=("$word"); else plain+=("$word"); fi
	done < <("$program" __complete -- "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)
	(( $#plain )) && _describe -V migctl plain
	(( $#open )) && _describe -V migctl open -S ''
	case $kind in
	file*)
		compset -p ${kind#file }
		_files ;;
	program* | arguments*)
		shift ${kind#* } words
		(( CURRENT -= ${kind#* } ))
		shift words
		(( CURRENT -= 1 ))
		_normal ;;
	esac
}

# Loaded by its name it is to complete at once; sourced it is only defined.
[[ $funcstack[1] == _migctl ]] && _migctl "$@"
