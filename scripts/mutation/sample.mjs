// Which mutants are run: a seeded sample in which every part of the services has the same share.

/**
 * Parts in which no mutant may survive, each with its files; the other parts are the folders under services/.
 */
const CRITICAL = {
  verification: /^services\/(?:parser\/verify\/|report\/mail\/(?:author|canonical|dkim|header)\.ts|store\/reports\/trust)/,
  poller: /^services\/poller\//,
  outbox: /^services\/(?:store\/alerts|alerter)\//,
  standing: /^services\/(?:analyzer\/standing|store\/analysis\/reporters|store\/reports\/supersession)\.ts/,
};

/** @param {string} file its path @returns the part that it counts for */
export function partOf(file) {
  for (const [part, pattern] of Object.entries(CRITICAL)) if (pattern.test(file)) return part;
  return file.split('/')[1];
}

export const isCritical = (part) => part in CRITICAL;

function shuffled(list, seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** At most `most` of the mutants: one of each part in turn, in an order that follows from the seed. */
export function sample(mutants, most, seed) {
  const parts = new Map();
  for (const mutant of shuffled(mutants, seed)) {
    const part = partOf(mutant.file);
    parts.set(part, [...(parts.get(part) ?? []), mutant]);
  }
  const chosen = [];
  const queues = [...parts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, queue]) => queue);
  while (chosen.length < most && queues.some((queue) => queue.length > 0))
    for (const queue of queues) if (queue.length > 0 && chosen.length < most) chosen.push(queue.shift());
  return chosen;
}

/** @param results of mutants, each with `result` @returns for each part what was run, killed and alive */
export function scores(results) {
  const parts = {};
  for (const { file, result } of results) {
    const part = partOf(file);
    parts[part] ??= { mutants: 0, killed: 0, alive: 0, score: 0 };
    parts[part].mutants++;
    parts[part][result === 'survived' ? 'alive' : 'killed']++;
  }
  for (const sum of Object.values(parts)) sum.score = Math.round((1000 * sum.killed) / sum.mutants) / 10;
  return parts;
}
