/**
 * Completion for zsh, with descriptions: one function for each command, written with `_arguments`.
 *
 * @module
 */
import {
  type ArgumentReference,
  type CommandReference,
  flatten,
  type OptionReference,
  type Values,
} from './describe.ts';

/** @param root - The whole program. */
export function zshCompletion(root: CommandReference): string {
  return `#compdef balancer
# zsh completion for balancer. Load it with: source <(balancer completion zsh)
# or keep it as _balancer in a folder of $fpath.

_balancer_servers() {
  local -a servers
  # The words of a command below the program start with that command.
  servers=("\${(@f)$(_call_program servers balancer complete-servers "\${(@Q)words[2,CURRENT-1]}" 2> /dev/null)}")
  compadd -a servers
}

${flatten(root).map(commandFunction).join('\n')}
if [[ \${funcstack[1]} == _balancer ]]; then
  _balancer "$@"
else
  compdef _balancer balancer
fi
`;
}

function commandFunction(command: CommandReference): string {
  const name = functionName(command.path);
  const hasCommands = command.commands.length > 0;
  const specs = [
    ...command.options.map(optionSpec),
    ...(hasCommands
      ? [quote(`1:command:${name}_commands`), quote('*::argument:->below')]
      : command.arguments.map(argumentSpec)),
  ];
  const parse = `_arguments -S ${hasCommands ? '-C ' : ''}\\\n    ${specs.join(' \\\n    ')}`;
  if (!hasCommands) return `${name}() {\n  ${parse}\n}\n`;
  const names = command.commands.map(({ path, description }) =>
    quote(`${path.at(-1)!}:${description}`),
  );
  const cases = command.commands.map(({ path }) => `    ${path.at(-1)!}) ${functionName(path)} ;;`);
  return `${name}_commands() {
  local -a commands=(
    ${names.join('\n    ')}
  )
  _describe command commands
}

${name}() {
  local context state state_descr line
  typeset -A opt_args
  ${parse}
  [[ $state == below ]] || return
  case $line[1] in
${cases.join('\n')}
  esac
}
`;
}

function functionName(path: readonly string[]): string {
  return `_${path.join('_')}`;
}

function optionSpec({ short, long, placeholder, description, values }: OptionReference): string {
  const flags = short === undefined ? [long] : [short, long];
  const value =
    placeholder === undefined ? '' : `:${escape(placeholder.slice(1, -1))}:${action(values)}`;
  const equals = placeholder === undefined ? '' : '=';
  return flags
    .map((flag) => {
      const isLong = flag.startsWith('--');
      const exclusive = `(${flags.join(' ')})`;
      return quote(`${exclusive}${flag}${isLong ? equals : ''}[${bracketed(description)}]${value}`);
    })
    .join(' \\\n    ');
}

function argumentSpec({ name, isRequired, isVariadic, values }: ArgumentReference): string {
  const start = isVariadic ? '*:' : isRequired ? ':' : '::';
  return quote(`${start}${escape(name)}:${action(values)}`);
}

function action(values: Values): string {
  if (values.kind === 'choices') return `(${values.choices.join(' ')})`;
  return { file: '_files', server: '_balancer_servers', none: ' ' }[values.kind];
}

function bracketed(text: string): string {
  return text.replaceAll(/[\\[\]]/g, String.raw`\$&`);
}

function escape(text: string): string {
  return text.replaceAll(':', String.raw`\:`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
