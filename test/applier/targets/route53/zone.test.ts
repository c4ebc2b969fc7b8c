import { describe, expect, test } from 'vitest';
import { loadSdk } from '../../../../services/applier/targets/route53/client.ts';
import { hostedZoneOf, idOf, type Route53, setsAt } from '../../../../services/applier/targets/route53/zone.ts';

/** Answers in turn, the last one again and again. */
async function service(...answers: object[]) {
  const asked: object[] = [];
  const signal = new AbortController().signal;
  const client = {
    async send(command: { input: object }, { abortSignal }: { abortSignal: AbortSignal }) {
      asked.push({ ...command.input });
      expect(abortSignal).toBe(signal);
      return answers.length > 1 ? answers.shift() : answers[0];
    },
  };
  return { asked, means: { sdk: await loadSdk(), client, signal } as unknown as Route53 };
}
const zone = (Name: string | undefined, Id = 'Z1', PrivateZone?: boolean) => ({
  Id: `/hostedzone/${Id}`,
  ...(Name === undefined ? {} : { Name }),
  ...(PrivateZone === undefined ? {} : { Config: { PrivateZone } }),
});
const NONE = { HostedZones: [], IsTruncated: false };
const AT = { zone: 'example.com', hostedZone: null };

describe('the hosted zone of a name', () => {
  test('is the longest: each name up to the zone of the settings is looked up, and none above', async () => {
    const all = await service(NONE, {});
    await expect(hostedZoneOf('a.b.example.com', AT, all.means)).rejects.toThrow(
      'The account has no public hosted zone example.com: create it there, or correct zones or the credentials.',
    );
    expect(all.asked).toEqual([{ DNSName: 'a.b.example.com.' }, { DNSName: 'b.example.com.' }, { DNSName: 'example.com.' }]);
    const first = zone('b.example.com.');
    const some = await service(NONE, { HostedZones: [first] });
    expect(await hostedZoneOf('a.b.example.com', AT, some.means)).toBe(first);
    expect(some.asked).toHaveLength(2);
    // A name outside of the zone ends at its last label.
    const other = await service(NONE);
    await expect(hostedZoneOf('a.example.org', AT, other.means)).rejects.toThrow(/^The account has no/);
    expect(other.asked).toEqual([{ DNSName: 'a.example.org.' }, { DNSName: 'example.org.' }, { DNSName: 'org.' }]);
  });

  test('two of one name are for a person to choose', async () => {
    const { means } = await service({ HostedZones: [zone('example.com.', 'Z1'), zone('example.com.', 'Z2', false)] });
    await expect(hostedZoneOf('example.com', AT, means)).rejects.toThrow(
      'There are 2 public hosted zones named example.com: say which by hosted_zone (Z1 or Z2).',
    );
  });

  test.each([
    [
      'those before another name',
      [{ HostedZones: [zone('example.com.'), zone('sub.example.com.', 'Z2')], IsTruncated: true }],
      1,
    ],
    ['none that is private', [{ HostedZones: [zone('example.com.', 'Z0', true), zone('example.com.')] }], 1],
    [
      'the next page',
      [
        { HostedZones: [zone('example.com.', 'Z0', true)], IsTruncated: true, NextDNSName: 'x.' },
        { HostedZones: [zone('example.com.')] },
      ],
      2,
    ],
    ['no page that has no name', [{ HostedZones: [zone('example.com.')], IsTruncated: true }], 1],
    ['no page after the last', [{ HostedZones: [zone('example.com.')], IsTruncated: false, NextDNSName: 'x.' }], 1],
  ])('counted are %s', async (_, answers, times) => {
    const { means, asked } = await service(...answers, { HostedZones: [zone('example.com.', 'Z9')] });
    expect(idOf((await hostedZoneOf('example.com', AT, means)).Id)).toBe('Z1');
    expect(asked).toHaveLength(times);
  });

  test('a page begins where the one before says, by name and id; twenty are read', async () => {
    const page = {
      HostedZones: [zone('example.com.', 'Z1', true)],
      IsTruncated: true,
      NextDNSName: 'example.com.',
      NextHostedZoneId: 'Z2',
    };
    const { means, asked } = await service(page);
    await expect(hostedZoneOf('example.com', AT, means)).rejects.toThrow(/^The account has no/);
    expect(asked).toEqual([
      { DNSName: 'example.com.' },
      ...Array.from({ length: 19 }, () => ({ DNSName: 'example.com.', HostedZoneId: 'Z2' })),
    ]);
    const bare = await service({ IsTruncated: true, NextDNSName: 'next.' }, NONE);
    await expect(hostedZoneOf('example.com', AT, bare.means)).rejects.toThrow();
    expect(bare.asked).toEqual([{ DNSName: 'example.com.' }, { DNSName: 'next.' }]);
  });

  test.each([
    ['that is the name', zone('example.com.'), null],
    ['that holds the name', zone('com.', 'Z1', false), null],
    [
      'whose name only ends like it',
      zone('ample.com.'),
      'The hosted zone Z1 is ample.com, which does not hold example.com: correct hosted_zone.',
    ],
    [
      'that is shorter by nothing',
      zone('sub.example.com.'),
      'The hosted zone Z1 is sub.example.com, which does not hold example.com: correct hosted_zone.',
    ],
    ['without a name', zone(undefined), 'The hosted zone Z1 is ., which does not hold example.com: correct hosted_zone.'],
    ['that is not there', undefined, 'The hosted zone Z1 is ., which does not hold example.com: correct hosted_zone.'],
    [
      'that is private',
      zone('example.com.', 'Z1', true),
      'The hosted zone Z1 is private, so that no receiver of mail sees its records: correct hosted_zone.',
    ],
  ])('a given one %s', async (_, given, why) => {
    const { means, asked } = await service({ HostedZone: given });
    const found = hostedZoneOf('example.com', { ...AT, hostedZone: 'Z1' }, means);
    if (why === null) expect(await found).toBe(given);
    else await expect(found).rejects.toThrow(why);
    expect(asked).toEqual([{ Id: 'Z1' }]);
  });
});

describe('the record sets of a name', () => {
  const set = (Name: string | undefined, Type = 'TXT') => ({ ...(Name === undefined ? {} : { Name }), Type });
  const start = (name: string, type?: string, identifier?: string) => ({
    HostedZoneId: 'Z1',
    StartRecordName: name,
    StartRecordType: type,
    StartRecordIdentifier: identifier,
  });

  test('are all up to another name, over as many pages as there are', async () => {
    const [one, two] = [set('a.example.com.'), set('a.example.com.', 'MX')];
    const { means, asked } = await service(
      {
        ResourceRecordSets: [one],
        IsTruncated: true,
        NextRecordName: 'a.example.com.',
        NextRecordType: 'MX',
        NextRecordIdentifier: 'x',
      },
      { ResourceRecordSets: [two, set('b.example.com.')], IsTruncated: true, NextRecordName: 'c.' },
    );
    expect(await setsAt('a.example.com', 'Z1', means)).toEqual([one, two]);
    expect(asked).toEqual([start('a.example.com.'), start('a.example.com.', 'MX', 'x')]);
  });

  test.each([
    ['nothing', {}, 0],
    ['the last page', { ResourceRecordSets: [set('a.example.com.')], IsTruncated: false, NextRecordName: 'a.' }, 1],
    ['a page without the next', { ResourceRecordSets: [set('a.example.com.')], IsTruncated: true }, 1],
    ['a set without a name', { ResourceRecordSets: [set(undefined)], IsTruncated: true, NextRecordName: 'a.' }, 0],
  ])('%s ends them', async (_, answer, count) => {
    const { means, asked } = await service(answer);
    expect([(await setsAt('a.example.com', 'Z1', means)).length, asked.length]).toEqual([count, 1]);
  });

  test('that are more than twenty pages are for a person', async () => {
    const { means, asked } = await service({
      ResourceRecordSets: [set('a.example.com.')],
      IsTruncated: true,
      NextRecordName: 'a.',
    });
    await expect(setsAt('a.example.com', 'Z1', means)).rejects.toThrow(
      'a.example.com has more record sets than are read: change it by hand.',
    );
    expect(asked).toHaveLength(20);
  });
});

test.each([
  ['/hostedzone/Z1', 'Z1'],
  ['Z1', 'Z1'],
  [undefined, ''],
])('the id %s is %s', (given, id) => {
  expect(idOf(given)).toBe(id);
});
