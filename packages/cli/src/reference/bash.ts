/**
 * Completion for bash 4 and later, with nothing but bash.
 *
 * The script walks the words before the cursor once, as the command itself would: it follows
 * commands down, steps over the values of options and counts arguments. What it knows of each
 * command stands in three tables, keyed by the command's path.
 *
 * @module
 */
import { type CommandReference, flatten, type Values } from './describe.ts';

/** @param root - The whole program. */
export function bashCompletion(root: CommandReference): string {
  const commands = flatten(root);
  return `# bash completion for balancer. Load it with: source <(balancer completion bash)

_balancer_words() {
  case "$1" in
${commands.map((command) => `    ${quote(keyOf(command))}) echo ${quote(wordsOf(command))} ;;`).join('\n')}
  esac
}

# What the value of an option may be; fails where the option takes none.
_balancer_option_values() {
  case "$1" in
${commands.flatMap(optionCases).join('\n')}
    *) return 1 ;;
  esac
}

_balancer_argument_values() {
  case "$1" in
${commands.flatMap(argumentCases).join('\n')}
    *) echo none ;;
  esac
}

_balancer() {
  # Words are split at = and : too; put them together again, as the command gets them.
  local line=\${COMP_LINE:0:COMP_POINT} words=() current=''
  # shellcheck disable=SC2162 # a backslash before a space is the shell's own
  read -a words <<< "$line"
  [[ $line == *[[:space:]] ]] || { current=\${words[-1]}; unset 'words[-1]'; }

  local command=balancer count=0 awaited='' only_arguments='' word
  for word in "\${words[@]:1}"; do
    if [[ $awaited ]]; then
      awaited=''
    elif [[ $word == -- ]]; then
      only_arguments=1
    elif [[ $word == -* && ! $only_arguments ]]; then
      [[ $word == *=* ]] || awaited=$(_balancer_option_values "$command $word") || awaited=''
    elif [[ $(_balancer_words "$command $word") ]]; then
      command+=" $word"
    else
      count=$((count + 1))
    fi
  done

  local prefix='' values
  if [[ $awaited ]]; then
    values=$awaited
  elif [[ $current == --*=* && ! $only_arguments ]]; then
    prefix=\${current%%=*}=
    values=$(_balancer_option_values "$command \${current%%=*}") || values=none
    current=\${current#*=}
  elif [[ $current == -* && ! $only_arguments ]]; then
    values="words $(_balancer_words "$command")"
  else
    values=$(_balancer_argument_values "$command $count")
    [[ $values == none ]] && values="words $(_balancer_words "$command")"
  fi

  compopt +o default 2> /dev/null
  local candidates=() candidate
  case $values in
    file)
      compopt -o filenames 2> /dev/null
      mapfile -t candidates < <(compgen -f -- "$current")
      ;;
    server) mapfile -t candidates < <("\${words[0]}" complete-servers "\${words[@]:2}" 2> /dev/null) ;;
    words*) read -ra candidates <<< "\${values#words}" ;;
  esac

  # bash replaces only what follows the last = or : of the word.
  local typed=$prefix$current cut=''
  if [[ $typed == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]]; then
    cut=\${typed%"\${typed##*[=:]}"}
  fi
  COMPREPLY=()
  for candidate in "\${candidates[@]}"; do
    candidate=$prefix$candidate
    [[ $candidate == "$typed"* ]] && COMPREPLY+=("\${candidate#"$cut"}")
  done
}

complete -F _balancer balancer
`;
}

function keyOf({ path }: CommandReference): string {
  return path.join(' ');
}

/** Subcommands and options. A command without any still has a word, which tells that it is one. */
function wordsOf({ commands, options }: CommandReference): string {
  const flags = options.flatMap(({ short, long }) => (short ? [short, long] : [long]));
  return [...commands.map(({ path }) => path.at(-1)!), ...flags].join(' ') || '--help';
}

function optionCases(command: CommandReference): string[] {
  return command.options.flatMap(({ short, long, placeholder, values }) => {
    if (placeholder === undefined) return [];
    const patterns = [short, long].flatMap((flag) =>
      flag === undefined ? [] : [quote(`${keyOf(command)} ${flag}`)],
    );
    return [`    ${patterns.join(' | ')}) echo ${quote(nameOf(values))} ;;`];
  });
}

function argumentCases(command: CommandReference): string[] {
  return command.arguments.map(({ values, isVariadic }, index) => {
    const key = `${keyOf(command)} `;
    const pattern = isVariadic ? `${quote(key)}*` : quote(key + index);
    return `    ${pattern}) echo ${quote(nameOf(values))} ;;`;
  });
}

function nameOf(values: Values): string {
  return values.kind === 'choices' ? `words ${values.choices.join(' ')}` : values.kind;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
