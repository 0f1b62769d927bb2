/**
 * Completion for fish, with descriptions.
 *
 * @module
 */
import { type CommandReference, flatten, type OptionReference, type Values } from './describe.ts';

/** @param root - The whole program. */
export function fishCompletion(root: CommandReference): string {
  const commands = flatten(root);
  const valued = commands.flatMap(({ path, options }) =>
    options
      .filter(({ placeholder }) => placeholder !== undefined)
      .flatMap(({ short, long }) => [short, long])
      .flatMap((flag) => (flag === undefined ? [] : [quote(`${path.join(' ')} ${flag}`)])),
  );
  return `# fish completion for balancer. Load it with: balancer completion fish | source

set -g __balancer_commands ${commands.map(({ path }) => quote(path.join(' '))).join(' ')}
set -g __balancer_valued ${valued.join(' ')}

# Prints the command that the line names so far and how many arguments it has.
function __balancer_place
    set -l command balancer
    set -l count 0
    set -l awaits no
    for word in (commandline -opc)[2..]
        if test $awaits = yes
            set awaits no
        else if string match -q -- '-*' $word
            contains -- "$command $word" $__balancer_valued; and set awaits yes
        else if contains -- "$command $word" $__balancer_commands
            set command "$command $word"
        else
            set count (math $count + 1)
        end
    end
    echo $command
    echo $count
end

function __balancer_in
    test (__balancer_place)[1] = $argv[1]
end

# The command, and the first and the last place of an argument, from 0.
function __balancer_argument
    set -l place (__balancer_place)
    test $place[1] = $argv[1]; and test $place[2] -ge $argv[2]; and test $place[2] -le $argv[3]
end

function __balancer_servers
    set -l words (commandline -opc)
    $words[1] complete-servers $words[3..] 2>/dev/null
end

complete -c balancer -f
${commands.flatMap(linesOf).join('\n')}
`;
}

/** More arguments than any line has. */
const ARGUMENTS_MAX = 9999;

function linesOf(command: CommandReference): string[] {
  const name = command.path.join(' ');
  const within = `-n ${quote(`__balancer_in ${quote(name)}`)}`;
  return [
    ...command.commands.map(
      ({ path, description }) =>
        `complete -c balancer ${within} -a ${path.at(-1)!} -d ${quote(description)}`,
    ),
    ...command.options.map((option) => `complete -c balancer ${within} ${optionPart(option)}`),
    ...command.arguments.flatMap(({ values, isVariadic, description }, index) => {
      if (values.kind === 'none') return [];
      const last = isVariadic ? ARGUMENTS_MAX : index;
      const place = `-n ${quote(`__balancer_argument ${quote(name)} ${index} ${last}`)}`;
      const about = description === '' ? '' : ` -d ${quote(description)}`;
      return [`complete -c balancer ${place} ${offer(values)}${about}`];
    }),
  ];
}

function optionPart({ short, long, placeholder, description, values }: OptionReference): string {
  const flags = [short && `-s ${short.slice(1)}`, `-l ${long.slice(2)}`].filter(Boolean).join(' ');
  const value = placeholder === undefined ? '' : ` -r ${offer(values)}`;
  return `${flags}${value} -d ${quote(description)}`;
}

function offer(values: Values): string {
  if (values.kind === 'choices') return `-f -a ${quote(values.choices.join(' '))}`;
  return { file: '-F', server: `-f -a '(__balancer_servers)'`, none: '-f' }[values.kind];
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
