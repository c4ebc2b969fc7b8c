import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { balancedPrefix } from '../../../services/report/xml/salvage.ts';
import { METADATA, POLICY, problemCodes, readAll, recordXml, reportXml } from '../build.ts';

const three = [1, 2, 3].map((n) => recordXml({ ip: `192.0.2.${n}`, count: n }));
const counts = async (document: string): Promise<number[]> => (await readAll(document)).records.map((record) => record.count);

describe('salvage', () => {
  test('only whole records count: an end tag of another element does not end one', async () => {
    const cut = (three[1] as string).slice(0, (three[1] as string).indexOf('<identifiers>'));
    expect(await counts(reportXml(`${three[0]}${cut}`))).toEqual([1]);
    expect(await counts(reportXml(`${three[0]}${cut}${three[2]}`))).toEqual([1, 3]);
    expect(await counts(reportXml(`${three[0]}${(three[1] as string).replace('</record>', '</recrod>')}${three[2]}`))).toEqual([
      1, 3,
    ]);
    expect(await counts(reportXml(`${three[0]}${(three[1] as string).replace('<row>', '<row><oops>')}${three[2]}`))).toEqual([
      1, 3,
    ]);
  });

  test('an unescaped & far from any ";" does not swallow the rest of a large report', async () => {
    const many = Array.from({ length: 3000 }, () => recordXml()).join('');
    const outcome = await readAll(reportXml(`${three[0]}${recordXml({ from: 'a & b' })}${many}`));
    expect(outcome.reports).toMatchObject([{ records: 3002, salvaged: true }]);
  });

  test('empty records, broken and whole metadata by the thousand: the records are set aside, the report is refused', async () => {
    const broken = (inner: string) => reportXml(`</nothing>${inner}`);
    const { reports } = await readAll(broken(`<record></record>\n<record> </record>${three[0]}`));
    expect(reports).toMatchObject([{ records: 1, salvaged: true }]);
    expect(reports[0]?.problems).toContainEqual(expect.objectContaining({ code: 'record_without_row' }));
    for (const inner of ['<report_metadata>', '<policy_published></policy_published>']) {
      expect((await readAll(broken(inner.repeat(900)))).reports).toHaveLength(1);
      expect((await readAll(broken(inner.repeat(1_100)))).codes).toEqual(['too_many_children']);
    }
  });

  test('a record that is not whole stands in the problems with its text', async () => {
    const outcome = await readAll(reportXml((three[0] as string).replace('</count>', '</cnt>')));
    expect(outcome.reports).toMatchObject([{ records: 0, messages: 0, salvaged: true }]);
    expect(outcome.reports[0]?.problems[1]).toMatchObject({ code: 'record_broken' });
    expect(outcome.reports[0]?.problems[1]?.message).toContain('<source_ip>192.0.2.1</source_ip>');
  });

  test('cut off anywhere, a report loses what is not whole and nothing else', async () => {
    const document = reportXml(three.join(''));
    const ends = three.map((record) => document.indexOf(record) + record.length);
    for (let cut = document.indexOf('<policy_published>'); cut < document.length - 1; cut += 3) {
      const whole = ends.filter((end) => end <= cut).length;
      const outcome = await readAll(document.slice(0, cut));
      expect(outcome.reports, `cut at ${cut}`).toHaveLength(1);
      expect(
        outcome.records.map((record) => record.count),
        `cut at ${cut}`,
      ).toEqual([1, 2, 3].slice(0, whole));
      expect(outcome.reports[0]?.salvaged).toBe(cut < document.trimEnd().length);
    }
  });

  test('cut off in its metadata it is refused, or tells what it has', async () => {
    const document = reportXml();
    for (let cut = 30; cut < document.indexOf('<policy_published>'); cut++) {
      const outcome = await readAll(document.slice(0, cut));
      expect(outcome.reports.length + outcome.codes.length, `cut at ${cut}`).toBe(1);
    }
    expect((await readAll(document.slice(0, document.indexOf('<end>')))).reports).toMatchObject([
      { begin: 1_700_000_000, records: 0 },
    ]);
  });

  test('a salvaged report has the identity of the intact one, and other content', async () => {
    const intact = (await readAll(reportXml(three.join('')))).reports[0];
    const broken = (await readAll(reportXml(three.join('').replace('</row>', '</wor>')))).reports[0];
    expect(broken?.identity).toBe(intact?.identity);
    expect(broken?.content_hash).not.toBe(intact?.content_hash);
  });

  test('what follows is another report, never more records of this one', async () => {
    const other = reportXml(recordXml({ count: 9 })).replace('<report_id>r-1<', '<report_id>r-2<');
    const both = await readAll(reportXml(three.join('')) + other);
    expect(both.reports).toMatchObject([
      { report_id: 'r-1', messages: 6, salvaged: false },
      { report_id: 'r-2', messages: 9, salvaged: false, problems: [] },
    ]);
    const broken = await readAll(reportXml(three.join('').replace('</row>', '</wor>')) + other);
    expect(broken.reports).toMatchObject([{ report_id: 'r-1', messages: 5, salvaged: true }]);
    expect(problemCodes(broken)).toContain('trailing_data');
    const second = await readAll(reportXml() + other.replace('</row>', '</wor>'));
    expect(second.reports).toMatchObject([
      { report_id: 'r-1', salvaged: false },
      { report_id: 'r-2', salvaged: true, records: 0 },
    ]);
  });

  test('many documents in one file are bounded', async () => {
    const outcome = await readAll(reportXml().repeat(6), { members: 5 });
    expect(outcome.reports).toHaveLength(5);
    expect(outcome.codes).toEqual(['too_many_members']);
  });

  test('whatever is done to a document, reading ends, with an outcome and whole records only', async () => {
    const document = reportXml(three.join(''));
    const pieces = fc.constantFrom(
      '<',
      '>',
      '&',
      '</',
      '/>',
      '<record>',
      '</record>',
      '</feedback>',
      '<!--',
      ']]>',
      '"',
      '\0',
      '<x a="',
      'é',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(document.length), fc.nat(40), pieces), { minLength: 1, maxLength: 4 }),
        async (edits) => {
          let text = document;
          for (const [at, remove, insert] of edits) text = text.slice(0, at) + insert + text.slice(at + remove);
          const outcome = await readAll(text);
          expect(outcome.reports.length + outcome.codes.length).toBeGreaterThan(0);
          for (const report of outcome.reports) {
            expect(outcome.records.length).toBeGreaterThanOrEqual(report.records);
            for (const { code, message } of report.problems) expect(`${code} ${message}`).not.toContain('\0');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the part of an element before its break', () => {
  test.each([
    ['<a><b>1</b><c>2', '<a><b>1</b></a>'],
    ['<a><b>1</b></c>', '<a><b>1</b></a>'],
    ['<a><b>1</x><c>2</c></a>', '<a><c>2</c></a>'],
    ['<a><d><b>1</b><c>2</c>', '<a><d><b>1</b><c>2</c></d></a>'],
    ['<a><b>1</b></a><c>', '<a><b>1</b></a>'],
    ['<a><b/><!-- <x> --><c>2</c>', '<a><b/><!-- <x> --><c>2</c></a>'],
    ['<a', ''],
  ])('%s gives %s', (segment, expected) => {
    expect(balancedPrefix(segment, 32)).toBe(expected);
  });

  test('ends where elements nest deeper than the limit', () => {
    const segment = '<a><b><c>1</c></b></a>';
    expect([1, 2, 3].map((depth) => balancedPrefix(segment, depth))).toEqual(['<a></a>', '<a><b></b></a>', segment]);
  });
});

describe('where a child ends that has no end tag', () => {
  const problems = async (text: string) =>
    (await readAll(text)).reports[0]?.problems.filter(({ code }) => code !== 'not_well_formed').map(({ message }) => message);
  const aside = (text: string) => `A record was set aside: it is not whole. Its text: ${text}`;

  test.each([
    ['at the end of the feedback', '<record><row><count>1</count>', [aside('<record><row><count>1</count>')]],
    ['at the end tag of a record with another prefix', '<x:record><row></record>', [aside('<x:record><row>')]],
    ['before the next record', `<record><row>${three[0]}`, [aside('<record><row>')]],
    [
      'not at a feedback within it',
      '</x><record><row><feedback></row></record>',
      [aside('<record><row><feedback></row></record>')],
    ],
  ])('%s', async (_where, inner, messages) => {
    expect(await problems(reportXml(inner))).toEqual(messages);
  });

  test('another report behind a broken one is left alone, however long it is', async () => {
    const other = reportXml(recordXml({ count: 9 }).repeat(2_000));
    const { reports, records } = await readAll(reportXml(`${three[0]}</x>${three[1]}`) + other);
    expect(records.map(({ count }) => count)).toEqual([1, 2]);
    expect(reports).toMatchObject([{ records: 2, messages: 3, salvaged: true }]);
  });
});

describe('order of elements', () => {
  test('records before metadata and policy get their alignment from the policy that follows', async () => {
    const record = recordXml({ from: 'example.com' }).replaceAll('<domain>example.com', '<domain>mail.example.com');
    const strict = POLICY.replace('<adkim>r', '<adkim>s');
    for (const order of [
      [METADATA, strict, record],
      [record, METADATA, strict],
      [record, strict, METADATA],
      [strict, record, METADATA],
    ]) {
      const outcome = await readAll(`<feedback>${order.join('')}</feedback>`);
      expect(outcome.records).toMatchObject([{ dkim_aligned: false, spf_aligned: true }]);
      expect(outcome.events[0]).toMatchObject({ type: 'records', begin: 1_700_000_000 });
    }
  });

  test('the content hash is the same for any order of siblings, white space and encoding, and differs with the content', async () => {
    const hashOf = async (text: string | Buffer): Promise<string | undefined> => (await readAll(text)).reports[0]?.content_hash;
    const hash = await hashOf(reportXml());
    expect(await hashOf(`<feedback>\n ${POLICY}\n${METADATA.replace('<email>', '\n\t<email> ')}${recordXml()}</feedback>`)).toBe(
      hash,
    );
    expect(await hashOf(Buffer.from(`\ufeff${reportXml()}`, 'utf16le'))).toBe(hash);
    expect(await hashOf(reportXml(recordXml({ count: 2 })))).not.toBe(hash);
    expect(await hashOf(reportXml(recordXml() + recordXml()))).not.toBe(hash);
    expect(await hashOf(reportXml().replace('<p>none', '<p>reject'))).not.toBe(hash);
  });

  test('identity is reporter, domain, id, begin and end', async () => {
    const identityOf = async (text: string): Promise<string | undefined> => (await readAll(text)).reports[0]?.identity;
    const identity = await identityOf(reportXml());
    expect(await identityOf(reportXml(three.join('')))).toBe(identity);
    expect(await identityOf(reportXml().replace('<org_name>receiver', '<org_name>Receiver'))).toBe(identity);
    const others = await Promise.all(
      [
        ['<org_name>receiver', '<org_name>other'],
        ['<domain>example.com</domain><adkim>', '<domain>example.net</domain><adkim>'],
        ['<report_id>r-1', '<report_id>r-1@x'],
        ['<begin>1700000000', '<begin>1700000001'],
        ['<end>1700086399', '<end>1700086398'],
      ].map(([from, to]) => identityOf(reportXml().replace(from as string, to as string))),
    );
    expect(new Set([identity, ...others]).size).toBe(6);
  });
});
