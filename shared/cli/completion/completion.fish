# Completion for cloudact-integrations.
function __cloudact_at
    set -l words (commandline -opc)[2..-1]
    test (count $words) -ge (count $argv); or return 1
    for index in (seq (count $argv))
        test "$words[$index]" = "$argv[$index]"; or return 1
    end
end
function __cloudact_none
    test (count (commandline -opc)) -eq 1
end
function __cloudact_second
    set -l words (commandline -opc)
    test (count $words) -eq 2; and test "$words[2]" = $argv[1]
end
# Whether so many words stand by their place behind the command of so many words; then the options that take a value.
function __cloudact_place
    set -l place 0
    set -l before ''
    for word in (commandline -opc)[(math 2 + $argv[1])..-1]
        if not string match -q -- '-*' $word; and not contains -- $before $argv[3..-1]
            set place (math $place + 1)
        end
        set before $word
    end
    test $place -eq $argv[2]
end
complete -c cloudact-integrations -f
@COMMANDS@
