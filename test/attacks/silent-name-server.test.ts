import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyResolver } from '../../services/parser/verify/key-resolver.ts';
import { TransientError } from '../../services/shared/errors.ts';
import { until } from '../helpers/services.ts';
import { dkimKey, dkimSigned, GOOGLE, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';

const key = dkimKey();
const SILENCE_MS = 3_000;

/** A stranger whose name server takes questions and answers none: each of his mails would be waited for. */
describe.skipIf(!knotPresent)(titled('a name server that never answers'), () => {
  let world: World;
  let asked = 0;
  beforeEach(async () => {
    asked = 0;
    world = await startWorld({
      resolver: (real) => ({
        async txt(name) {
          if (!name.endsWith('.stranger.test') && !/\.n\d+\.test$/.test(name)) return real.txt(name);
          asked++;
          await sleep(SILENCE_MS);
          throw new TransientError('dns_failed', `${name}: no answer in time.`);
        },
      }),
    });
    await world.publish(GOOGLE.domain, key);
  });
  afterEach(() => world.close());

  test('hundreds of mails, each with a key of its own to ask for: the genuine one behind them is verified before most of them are asked about', async () => {
    const flood = Array.from({ length: 300 }, (_, i) => {
      const domain = `n${i}.stranger.test`;
      return dkimSigned(mailOf({ org: domain, id: `f${i}` }, { email: `dmarc@${domain}` }), { domain, key, selector: `s${i}` });
    });
    await world.deliver(flood);
    await until(async () => (await world.query('select from ruawatch.trust_checks')).length > 200);
    await world.deliver([
      dkimSigned(mailOf({ org: GOOGLE.org, id: 'true' }, { email: GOOGLE.email }), { domain: GOOGLE.domain, key }),
    ]);
    await until(async () => (await world.reports()).some((report) => report.report_id === 'true' && report.trust === 'ok'));
    expect(asked).toBeLessThan(50);
    expect((await world.query("select from ruawatch.reports where trust = 'pending'")).length).toBe(300);
  });
});

/**
 * Nor does he need a name server: there are millions of domains whose name servers are gone, and each mail
 * can be signed in the name of another of them.
 */
describe.skipIf(!knotPresent)(titled('hundreds of organizations whose name servers are silent'), () => {
  let world: World;
  afterEach(() => world.close());

  test("hold up neither a listed reporter's mail nor that of a small one that was heard before", async () => {
    world = await startWorld({
      resolver: (real) => ({
        async txt(name) {
          if (!/\.n\d+\.test$/.test(name)) return real.txt(name);
          await sleep(15_000);
          throw new TransientError('dns_failed', `${name}: no answer in time.`);
        },
      }),
    });
    for (const domain of [GOOGLE.domain, 'small.example']) await world.publish(domain, key);
    const from = (org: string, email: string, id: string) =>
      dkimSigned(mailOf({ org, id }, { email }), { domain: email.split('@')[1]!, key });
    await world.bring([from('small.example', 'dmarc@small.example', 'before')]);
    for (let batch = 0; batch < 16; batch++) {
      const flood = Array.from({ length: 50 }, (_, i) => {
        const domain = `n${batch * 50 + i}.test`;
        return dkimSigned(mailOf({ org: domain, id: domain }, { email: `dmarc@${domain}` }), { domain, key });
      });
      await world.deliver(flood);
    }
    const begun = Date.now();
    await world.deliver([from(GOOGLE.org, GOOGLE.email, 'listed')]);
    await world.deliver([from('small.example', 'dmarc@small.example', 'small')]);
    const proven = async () => (await world.reports()).filter(({ trust }) => trust === 'ok').length;
    await until(async () => (await proven()) === 3);
    // Waiting for each of the flood takes two minutes and more.
    expect(Date.now() - begun).toBeLessThan(100_000);
  });
});

/** Nor may silence be used against a reporter, by signing in its name with key names that lead nowhere. */
describe('names that were silent', () => {
  let time = 0;
  const silent = async (name: string): Promise<string[][]> => {
    if (name.startsWith('good.')) return [['k']];
    throw new TransientError('dns_failed', 'SERVFAIL');
  };
  const ask = async (resolver: { txt(name: string): Promise<string[][]> }, name: string) =>
    resolver.txt(name).then(
      () => 'answered',
      (error: Error) => error.message,
    );

  test('of an organization no more are asked about for some seconds, but those that were answered are, and all of a listed reporter', async () => {
    const resolver = keyResolver({ txt: silent }, () => time);
    expect(await ask(resolver, 'good._domainkey.small.example')).toBe('answered');
    for (const domain of ['small.example', 'google.com']) {
      for (let i = 0; i < 20; i++) await ask(resolver, `s${i}._domainkey.lame.${domain}`);
    }
    expect(await ask(resolver, 'other._domainkey.small.example')).toContain('The name servers of small.example did not answer');
    expect(await ask(resolver, 'good._domainkey.small.example')).toBe('answered');
    expect(await ask(resolver, 'good._domainkey.google.com')).toBe('answered');
    time += 21_000;
    expect(await ask(resolver, 's1._domainkey.small.example')).toBe('SERVFAIL');
    expect(await ask(resolver, 's1._domainkey.small.example')).toContain('a moment ago');
  });
});
