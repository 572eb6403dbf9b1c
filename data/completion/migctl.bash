# bash completion of migctl                                  -*- shell-script -*-
# SPDX-License-Identifier: Apache-2.0
#
# The words come from the program itself: 'migctl __complete' knows its commands, and asks the driver
# or the lab, by reading calls alone, for no longer than a moment.

_migctl()
{
	local line kind= program=${1/#\~\//$HOME/} file
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:*) kind=${line#:} ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("$program" __complete --line "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
	case $kind in
	program*)
		while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -c -- "$2") ;;
	file* | arguments*)
		compopt -o filenames 2>/dev/null
		while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$2") ;;
	esac
	# A word that goes on behind its "=".
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
	return 0
}

complete -F _migctl migctl
