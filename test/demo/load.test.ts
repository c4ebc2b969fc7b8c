import { createGunzip } from 'node:zlib';
import { expect, test } from 'vitest';
import { generateLoad, type LoadMail, largeReport, reportSizes } from '../../bench/load.ts';
import { Random } from '../../demo/random.ts';
import { leaves, recordsOf, xmlOf } from './unpack.ts';

async function load(seed: number, mails: number): Promise<LoadMail[]> {
  const all: LoadMail[] = [];
  for await (const mail of generateLoad({ seed, mails })) all.push(mail);
  return all;
}

async function largeXml(seed: number, records: number): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of largeReport({ seed, records }).pipe(createGunzip())) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test('5,000 reports have the sizes that were measured in the field', () => {
  const sizes = reportSizes(5000, new Random(1)).sort((a, b) => a - b);
  expect(sizes.reduce((a, b) => a + b, 0)).toBe(118_655);
  expect(sizes[2500]).toBe(3);
});

test('each mail holds the records it says, and the seed decides the bytes', async () => {
  const mails = await load(5, 60);
  for (const { raw, records, messages, domain } of mails) {
    const xml = await xmlOf(raw);
    const read = recordsOf(xml);
    expect(leaves(xml).find(({ path }) => path === 'policy_published/domain')?.text).toBe(domain);
    expect(read.length).toBe(records);
    expect(read.reduce((sum, record) => sum + Number(record.get('row/count')), 0)).toBe(messages);
  }
  const again = await load(5, 60);
  expect(again.every(({ raw }, i) => raw.equals(mails[i]?.raw as Buffer))).toBe(true);
  expect((await load(6, 60)).some(({ raw }, i) => raw.equals(mails[i]?.raw as Buffer))).toBe(false);
});

test('the large report is one well-formed document with all its records', async () => {
  const xml = await largeXml(1, 1234);
  expect(leaves(xml).filter(({ path }) => path === 'record/row/source_ip').length).toBe(1234);
  expect(await largeXml(1, 1234)).toBe(xml);
});
