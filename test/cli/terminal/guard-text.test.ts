import { expect, test } from 'vitest';
import type { Trials } from '../../../services/cli/guard-sample.ts';
import { type GuardResult, renderGuard, summaryOf } from '../../../services/cli/terminal/guard-text.ts';
import { GuardChecker } from '../../../services/dns/guard/check.ts';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { GOOD, GUARD_FIXTURES, KEY } from '../../dns/guard/fixtures.ts';
import { dnsOf, type Zone } from '../../dns/zone.ts';

const NOTHING: Trials = { selectors: [], workloads: [], findings: [] };

async function results(declared: string, staging: string | undefined, zone: Zone, trials: Trials = NOTHING) {
  const second = staging === undefined ? '' : `, staging: {domains: {staging.example.com: {${staging}}}}`;
  const guard = readGuard(`{version: 1, environments: {production: {domains: {example.com: {${declared}}}}${second}}}`);
  const checker = new GuardChecker(guard, dnsOf({ ...GOOD, ...zone }));
  const found: GuardResult[] = [];
  for (const one of guard.environments.flatMap(({ domains }) => domains)) {
    const checked = await checker.of(one);
    found.push({ ...checked, trials, all: [...checked.findings, ...checked.check.findings] });
  }
  return { guard, found };
}

const plain = (lines: readonly string[]) => lines.join('\n').replaceAll(KEY, '(key)').replaceAll('\x1b', 'ESC');

test('each kind of finding is shown as it is in golden/', async () => {
  const parts: string[] = [];
  for (const [code, { declared, staging, zone }] of Object.entries(GUARD_FIXTURES)) {
    const { guard, found } = await results(declared, staging, zone);
    parts.push(`# ${code}\n${plain(renderGuard(guard, found, false))}\n${summaryOf(found)}\n`);
  }
  await expect(parts.join('\n')).toMatchFileSnapshot('golden/guard-text.txt');
});

const way = (egress: string, address: string, spf: string, spfAligned: boolean) => ({
  egress,
  address,
  spf,
  spfAligned,
  exact: address !== '192.0.2.9',
});
const workload = (name: string, part: object) => ({
  workload: name,
  envelopeFrom: 'bounce.example.com',
  selectors: ['sel'],
  dkimAligned: true,
  dmarc: 'pass',
  egress: [],
  ...part,
});

test('trials are a table, one row for addresses that do alike', async () => {
  const trials = {
    selectors: [
      { selector: 'sel', result: 'pass', why: null },
      { selector: 'old', result: 'fail', why: 'the key is revoked' },
      { selector: 'none', result: 'not tried', why: null },
    ],
    workloads: [
      workload('shop', {
        egress: [
          way('nat', '192.0.2.1', 'pass', true),
          way('nat', '192.0.2.2', 'pass', true),
          way('nat', '192.0.2.3', 'pass', false),
          way('nat', '192.0.2.4', 'fail', false),
          way('other', '192.0.2.5', 'fail', false),
        ],
      }),
      workload('crm', {
        dkimAligned: false,
        dmarc: 'fail',
        egress: [way('nat', '192.0.2.1', 'pass', true), way('x', '192.0.2.9', 'none', false)],
      }),
      workload('unsigned', { selectors: [], dkimAligned: null, dmarc: 'fail' }),
      workload('untried', { dkimAligned: null, dmarc: null }),
      workload('untried with a way', { dkimAligned: null, dmarc: null, egress: [way('nat', '192.0.2.1', 'pass', true)] }),
    ],
    findings: [],
  } as unknown as Trials;
  const { guard, found } = await results('', undefined, {}, trials);
  for (const colours of [false, true])
    await expect(plain(renderGuard(guard, found, colours))).toMatchFileSnapshot(
      `golden/guard-trials${colours ? '-colours' : ''}.txt`,
    );
});
