import type { Log } from './log.ts';

const printer = console;
const PRINTERS = ['debug', 'log', 'info', 'warn', 'error'] as const;

/** What BullMQ prints about its server, as a sentence with the name of the setting. */
const KNOWN: [RegExp, (found: string[]) => string][] = [
  [
    /Eviction policy is ([\w-]+)/,
    ([, policy]) =>
      `The Redis in REDIS_URL has maxmemory-policy ${policy}, so it may drop jobs when its memory is full: set maxmemory-policy noeviction.`,
  ],
  [
    /minimum Redis version of ([\d.]+)\s+Current: ([\d.]+)/,
    ([, wanted, at]) => `The Redis in REDIS_URL has version ${at}; ${wanted} or newer is recommended.`,
  ],
  [
    /PostgreSQL ([\d.]+) or newer is recommended .*detected ([\d.]+)/s,
    ([, wanted, at]) => `The Postgres that jobs are queued on has version ${at}; ${wanted} or newer is recommended.`,
  ],
];

/**
 * Puts into the log what libraries and Node print (console, process warnings), so that the log holds nothing
 * but JSON. Each text is a warning once, since BullMQ prints for every connection it opens.
 * @returns undoes it
 */
export function logPrints(log: Log): () => void {
  const said = new Set<string>();
  const say = (text: string) => {
    const sentence = sentenceFor(text);
    if (said.has(sentence ?? text)) return;
    said.add(sentence ?? text);
    if (sentence !== null) log.warn(sentence);
    else log.warn({ printed: text }, 'a library printed a message');
  };
  const before = PRINTERS.map((name) => [name, printer[name]] as const);
  for (const [name] of before) printer[name] = (...parts: unknown[]) => say(parts.map(textOf).join(' '));
  const warnings = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => say(textOf(warning)));
  return () => {
    for (const [name, print] of before) printer[name] = print;
    process.removeAllListeners('warning');
    for (const listener of warnings) process.on('warning', listener);
  };
}

function sentenceFor(text: string): string | null {
  for (const [pattern, sentence] of KNOWN) {
    const found = pattern.exec(text);
    if (found) return sentence([...found]);
  }
  return null;
}

function textOf(part: unknown): string {
  return (part instanceof Error ? `${part.name}: ${part.message}` : String(part)).replace(/\s+/g, ' ').trim();
}
