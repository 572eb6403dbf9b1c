# fish completion of migctl
# SPDX-License-Identifier: Apache-2.0
#
# The words come from the program itself: 'migctl __complete' knows its commands, and asks the driver
# or the lab, by reading calls alone, for no longer than a moment.

function __migctl_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l raw (commandline -ct)
    set -l typed "$raw"
    # A quote that is still open is none of the word's characters.
    string match -qr '^[\'"]' -- "$raw"; and set typed (string trim -c '\'"' -- "$raw")
    string match -q '*\\\\*' -- "$raw"; and set typed (string unescape -- "$raw")
    for line in ($program __complete -- $words "$typed" 2>/dev/null)
        set -l kind (string split ' ' -- $line)
        switch $kind[1]
            case :file
                set -l front (string sub -l $kind[2] -- "$typed")
                set -l rest (string sub -s (math $kind[2] + 1) -- "$typed")
                for file in (__fish_complete_path "$rest")
                    echo "$front$file"
                end
            case :program :arguments
                set -l behind (string escape -- $words[(math $kind[2] + 1)..-1])
                complete -C "$behind "(commandline -ct)
            case '*'
                echo $line
        end
    end
end

complete -c migctl -f -k -a '(__migctl_complete)'
