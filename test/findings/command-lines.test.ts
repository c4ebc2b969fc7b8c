import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { factWords } from '../../services/findings/kinds/index.ts';
import { type Bench, bench } from '../alerter/setup.ts';
import { Commands } from '../helpers/process.ts';
import { EVIDENCE, SAMPLES } from './kinds/samples.ts';

const silence = { since: '2026-10-04', usual: 120, others: ['b.example'], others_in_all: 1, reported: 0 };
const record = { value: 'v=DMARC1; p=none', since: '2026-10-01', changed: true };

/** Facts whose sentences name other commands than the samples do. */
const MORE = [
  { ...SAMPLES.reports_stopped, lost: false, silence },
  { ...SAMPLES.reports_stopped, lost: false, silence, record },
  { ...SAMPLES.reporter_silent, record },
  { ...SAMPLES.reporter_silent, record: { ...record, value: null } },
  { ...SAMPLES.unauthorized_source, p: 'none' },
  { ...SAMPLES.dns_broken, loss: 'key_gone' as const },
];
const words = (facts: (typeof MORE)[number] | (typeof SAMPLES)[keyof typeof SAMPLES]) => {
  const { what, advice } = factWords({ domain: 'example.com', subject: 'mailer.example', evidence: EVIDENCE }, facts);
  return [what, ...advice].join(' ');
};
/** A command in a sentence, without its quotes. */
const COMMAND = /"(ruawatch [^"]+)"/g;
const texts = [...Object.values(SAMPLES), ...MORE].map(words);
const commands = [...new Set(texts.flatMap((text) => [...text.matchAll(COMMAND)].map(([, command]) => command!)))].sort();

test('a command in a sentence stands in quotes, so that no line breaks it', () => {
  for (const text of texts) expect(text.replaceAll(COMMAND, '')).not.toMatch(/ruawatch (?:[a-z]+ )+[a-z]/);
  expect(commands.length).toBeGreaterThanOrEqual(6);
});

/** What advice says that a page of the console shows. */
const SHOWN = [
  ['dns_check', /"ruawatch dns check /],
  ['dns_history', /"ruawatch dns history /],
  ['policy_status', /"ruawatch policy status /],
  ['quarantine', /"ruawatch messages list --state quarantined"/],
  ['doctor', /"ruawatch doctor"/],
  ['lookalikes', /"ruawatch dns lookalikes/],
  ['requests', /"ruawatch requests list"/],
  [
    'dns_records',
    /(?:signs? with the keys?|share the keys?|signed with the keys?|No selector|name no selector|Check what changed in the SPF record|^The keys? )/,
  ],
  ['senders', /\bapprove (?:it|them)\b/],
] as const;

test('advice whose command prints what the console shows has that page with it', () => {
  const seen = new Set<string>();
  for (const facts of [...Object.values(SAMPLES), ...MORE]) {
    const { advice, pages = [] } = factWords({ domain: 'example.com', subject: 'mailer.example', evidence: EVIDENCE }, facts);
    for (const [i, sentence] of advice.entries()) {
      const [page = null] = SHOWN.find(([, command]) => command.test(sentence)) ?? [];
      expect([sentence, pages[i]]).toEqual([sentence, page]);
      if (page !== null) seen.add(page);
    }
  }
  expect([...seen].sort()).toEqual(SHOWN.map(([page]) => page).sort());
});

describe('every command in a sentence is one of the command line', () => {
  let b: Bench;
  let program: Commands;
  beforeAll(async () => {
    b = await bench();
    // The way to DNS is closed: only whether the words are understood counts.
    program = new Commands({
      DATABASE_URL: b.database.url,
      RUAWATCH_DOMAINS: 'example.com',
      LOG_LEVEL: 'silent',
      DNS_SERVERS: '127.0.0.1:9',
    });
  });
  afterAll(async () => {
    await program.close();
    await b.close();
  });

  test.each(commands)('%s', async (command) => {
    const args = command.replace('KEY', '1').split(' ').slice(1);
    const { stderr } = await program.run(args);
    expect(stderr).not.toMatch(/^error: |Usage: /m);
  });
});
