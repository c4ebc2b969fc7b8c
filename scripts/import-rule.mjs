// Which folder may import which. Enforced by scripts/imports.mjs; ARCHITECTURE.md prints it, and
// test/docs/architecture.test.ts compares the two.

const COMMON = ['dns', 'report', 'store', 'shared'];

/** The folders under services/ that each folder there may import besides itself. */
export const SERVICES = {
  dns: [],
  report: [],
  shared: ['dns', 'requests'],
  findings: ['dns', 'shared'],
  requests: ['dns', 'shared'],
  store: ['report', 'findings', 'requests', 'shared'],
  mails: ['requests', 'findings', 'store', 'shared'],
  poller: COMMON,
  parser: COMMON,
  enricher: COMMON,
  watcher: COMMON,
  approver: [...COMMON, 'requests', 'findings'],
  applier: ['dns', 'requests', 'store', 'shared'],
  gateway: [...COMMON, 'requests'],
  milter: [...COMMON, 'requests'],
  cluster: [...COMMON, 'requests'],
  collector: COMMON,
  analyzer: [...COMMON, 'findings'],
  alerter: [...COMMON, 'requests', 'findings', 'mails'],
  console: [...COMMON, 'requests', 'findings', 'mails'],
  cli: [
    ...COMMON,
    'findings',
    'requests',
    'mails',
    'approver',
    'console',
    'applier',
    'gateway',
    'milter',
    'cluster',
    'collector',
    'poller',
    'parser',
    'enricher',
    'watcher',
    'analyzer',
    'alerter',
  ],
};

/** Folders next to services/ and what they may import; null allows everything. */
export const BESIDE = { demo: ['services'], bench: null, simulate: null, test: null, scripts: [], '.ci': [] };

/** The one file under services/ that may import demo/, which is not in the image. */
export const DEMO_COMMAND = 'services/cli/commands/demo.ts';

/**
 * The command line may import these folders file by file, and all other services through their index.ts
 * alone.
 */
export const LIBRARIES = [...COMMON, 'findings', 'requests'];

const OUTSIDE = ['node:fs', 'node:fs/promises', 'node:net', 'node:http', 'node:https', 'node:dns', 'node:dgram', 'pg', 'pino'];

/**
 * report/, findings/ and dns/ do no input or output: dns/ is given its sockets and its web client, the others
 * need none.
 */
export const IMPURE = { report: OUTSIDE, findings: OUTSIDE, requests: OUTSIDE, mails: OUTSIDE };

/**
 * The one file outside services/store/ that runs statements: it opens the pool, and begins and ends
 * transactions.
 */
export const TRANSACTIONS = 'services/shared/runtime/db.ts';
