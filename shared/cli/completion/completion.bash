# Completion for cloudact-integrations.
_cloudact_reply() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(eval "$1")
}
# How many words stand by their place between the command and the cursor; $1: options that take a value.
_cloudact_place() {
  local index=$2 word before=
  place=0
  while [ "$index" -lt "$COMP_CWORD" ]; do
    word=${COMP_WORDS[$index]}
    case "$word" in
      -*) ;;
      *) case "$1" in *" $before "*) ;; *) place=$((place + 1)) ;; esac ;;
    esac
    before=$word
    index=$((index + 1))
  done
}
_cloudact_integrations() {
  local cur=${COMP_WORDS[$COMP_CWORD]} prev=${COMP_WORDS[$((COMP_CWORD - 1))]}
  local first=${COMP_WORDS[1]} second= command start place flags valued
  COMPREPLY=()
  [ "$COMP_CWORD" -gt 2 ] && second=${COMP_WORDS[2]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    _cloudact_reply @FIRST@
    return
  fi
  command=$first start=2
  case "$first" in
@GROUPS@
  esac
  case "$command" in
@COMMANDS@
  esac
}
complete -o filenames -F _cloudact_integrations cloudact-integrations
