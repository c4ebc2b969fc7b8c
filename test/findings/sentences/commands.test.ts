import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Evidence } from '../../../services/findings/evidence.ts';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { type Action, actionsOn } from '../../../services/findings/sentences/commands.ts';
import { storedForm } from '../../../services/findings/sentences/finding.ts';
import { renderFinding } from '../../../services/mails/render-finding.ts';
import { FINDINGS } from '../../alerter/events.ts';
import { type Bench, bench } from '../../alerter/setup.ts';
import { Commands } from '../../helpers/process.ts';
import { EVIDENCE, SAMPLES } from '../kinds/samples.ts';

const commands = (actions: readonly Action[]) => actions.map(({ command }) => command);

/** The words of a command as a shell passes them on: quoted ones hold letters and blanks only. */
const split = (command: string): string[] =>
  [...command.matchAll(/"([A-Za-z ]+)"|([\w@%+=:,./-]+)/g)].map(([, quoted, plain]) => quoted ?? plain!);

describe('every command that a mail prints does what it says', () => {
  const domain = 'example.com';
  let b: Bench;
  let program: Commands;
  beforeAll(async () => {
    b = await bench();
    program = new Commands({ DATABASE_URL: b.database.url, RUAWATCH_DOMAINS: domain, LOG_LEVEL: 'silent' });
  });
  afterAll(async () => {
    await program.close();
    await b.close();
  });

  test.each(Object.entries(SAMPLES))('%s', async (kind, facts) => {
    const evidence: Evidence = { ...EVIDENCE, facts };
    const subject = 'mailer.example';
    const { summary, evidence: stored } = storedForm({ domain, subject, evidence });
    const key = await b.event({ kind, summary, evidence: stored });
    const event = { ...FINDINGS.unauthorized_source!, finding_key: key, kind, subject, summary, stored, evidence };
    const { text } = renderFinding(event);
    const printed = [...text.matchAll(/^ {2}(ruawatch .*)$/gm)].map(([, command]) => command!);
    expect(printed).toEqual(commands(actionsOn(event, factWords({ domain, subject, evidence }, facts))));
    expect(printed.length).toBeGreaterThanOrEqual(3);
    // What is the same for every kind is run once. Of decisions about a sender the later one replaces the
    // earlier one.
    for (const command of printed.filter((one) => kind === 'policy_change' || /senders|expected/.test(one))) {
      expect(split(command).join(' ')).toBe(command.replaceAll('"', ''));
      const { code, stdout, stderr } = await program.run(split(command).slice(1));
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: '' });
      expect(stdout).toContain(command.includes(' senders ') ? domain : `Finding ${key}`);
    }
    const { rows } = await b.db.query<{ state: string; decided: number }>(
      `select state, (select count(*) from ruawatch.sender_list l where l.source in ($2, $3) and l.since >= now() - interval '1 hour')::int as decided
         from ruawatch.findings where finding_key = $1`,
      [key, subject, evidence.who[0]!.source],
    );
    expect(rows[0]!.state).toBe(printed.some((one) => one.includes('expected')) ? 'resolved' : 'open');
    if (printed.some((one) => one.includes('senders'))) expect(rows[0]!.decided).toBeGreaterThan(0);
  });
});

test('a name that no report should have brought is in no command', () => {
  const evil = [
    'x; rm -rf ~',
    '$(id).example',
    '-rf.example',
    'a b.example',
    '`id`',
    "o'brien.example",
    'a.example"',
    '*',
    '',
    '-rf',
    'x y',
    'localhost',
  ];
  for (const name of evil) {
    const senders = [{ verdict: 'approve' as const, source: name, when: 'If it is yours', why: 'ours' }];
    expect(commands(actionsOn({ finding_key: 3, domain: 'example.com' }, { senders })).join('\n')).not.toContain('senders');
    const good = [{ ...senders[0]!, source: 'a.example' }];
    expect(commands(actionsOn({ finding_key: 3, domain: name }, { senders: good })).join('\n')).not.toContain('senders');
  }
  const senders = ['192.0.2.0/24', '2001:db8:77::/48', 'sendgrid.net', 'under_score.example', 'microsoft-365'].map((source) => ({
    verdict: 'deny' as const,
    source,
    when: 'If not',
    why: 'not ours',
  }));
  expect(commands(actionsOn({ finding_key: 3, domain: 'example.com' }, { senders }))).toEqual([
    'ruawatch senders deny example.com 192.0.2.0/24 --why "not ours"',
    'ruawatch senders deny example.com 2001:db8:77::/48 --why "not ours"',
    'ruawatch senders deny example.com sendgrid.net --why "not ours"',
    'ruawatch senders deny example.com under_score.example --why "not ours"',
    'ruawatch senders deny example.com microsoft-365 --why "not ours"',
    'ruawatch findings ack 3 --why "being worked on"',
    'ruawatch findings resolve 3 --as false --why "false alarm"',
    'ruawatch findings show 3',
  ]);
});
