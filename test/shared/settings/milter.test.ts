import { describe, expect, test } from 'vitest';
import { milterOf, milterSchema } from '../../../services/shared/settings/milter.ts';

const wrong = (given: unknown): string[] =>
  (milterSchema.safeParse(given).error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`.trim());

describe('the settings of the milter', () => {
  test('are off by default, and hold what is forged or imitates once it listens', () => {
    expect(milterOf(milterSchema.parse(undefined), '/')).toEqual({
      listen: null,
      authservId: '',
      onFailure: 'accept',
      trustedNetworks: [],
      trustedSealers: [],
      people: [],
      // test/shared/settings/held-mail.test.ts
      hold: expect.objectContaining({ keep: 'postfix' }),
      rules: [
        { when: 'unclear_from', do: 'hold', dry_run: false },
        { when: 'own_domain', do: 'hold', dry_run: false },
        { when: 'display_name', do: 'hold', dry_run: false },
        { when: 'lookalike', do: 'hold', dry_run: false },
        { when: 'new_domain', do: 'tag', dry_run: false },
      ],
    });
  });

  test('need the name of the server', () => {
    expect(wrong({ listen: '127.0.0.1:8893' })).toEqual([expect.stringContaining('authserv_id is not')]);
    expect(wrong({ listen: '127.0.0.1:8893', authserv_id: 'mx.example.com' })).toEqual([]);
    for (const authserv_id of ['MX.example.com', 'mx example', 'mx.example.com.', 'a;b', ''])
      expect(wrong({ authserv_id }), authserv_id).toHaveLength(1);
  });

  test.each([
    ['127.0.0.1:8893', { host: '127.0.0.1', port: 8893 }],
    ['[::1]:8893', { host: '::1', port: 8893 }],
    ['unix:/run/ruawatch/milter.sock', { path: '/run/ruawatch/milter.sock' }],
    ['mx:65535', { host: 'mx', port: 65_535 }],
    ['off', null],
  ])('take %s as an address', (listen, read) => {
    expect(milterOf(milterSchema.parse({ listen, authserv_id: 'mx.example.com' }), '/').listen).toEqual(read);
  });

  test.each(['8893', 'unix:relative', 'host:65536', 'unix:', ''])('refuse "%s" as an address', (listen) => {
    expect(wrong({ listen, authserv_id: 'mx.example.com' })).toEqual(['listen must be host:port, unix:/path, or off']);
  });

  test('take networks and people in a short form and a long one', () => {
    const { trustedNetworks, people } = milterOf(
      milterSchema.parse({
        trusted_networks: ['192.0.2.1', '10.0.0.0/8', '2001:db8::1', '2001:db8::/32', '192.0.2.1/32', '2001:db8::1/128'],
        people: ['Ada Lovelace', { name: 'Grace Hopper', addresses: ['Grace@Private.Example'] }],
      }),
      '/',
    );
    expect(trustedNetworks).toEqual([
      '192.0.2.1/32',
      '10.0.0.0/8',
      '2001:db8::1/128',
      '2001:db8::/32',
      '192.0.2.1/32',
      '2001:db8::1/128',
    ]);
    expect(people).toEqual([
      { name: 'Ada Lovelace', addresses: [] },
      { name: 'Grace Hopper', addresses: ['grace@private.example'] },
    ]);
    for (const one of ['10.0.0.0/33', '10.0.0', '2001:db8::/129', '10.0.0.0/8/8', '10.0.0.0/x'])
      expect(wrong({ trusted_networks: [one] }), one).toHaveLength(1);
  });

  test('leave classes out of rules about own domains alone', () => {
    expect(wrong({ rules: [{ when: 'own_domain', do: 'hold', unless_class: ['misaligned'] }] })).toEqual([]);
    expect(wrong({ rules: [{ when: 'lookalike', do: 'hold', unless_class: ['misaligned'] }] })).toEqual([
      'rules.0.unless_class belongs to rules about own_domain alone',
    ]);
    expect(wrong({ rules: [{ when: 'own_domain', do: 'hold', unless_class: ['unknown'] }] })).toHaveLength(1);
    expect(wrong({ rules: [{ when: 'anything', do: 'hold' }] })).toHaveLength(1);
    expect(wrong({ rules: [{ when: 'own_domain', do: 'drop' }] })).toHaveLength(1);
  });
});
