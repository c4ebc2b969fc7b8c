import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../../services/console/people/password.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { passkeysOf, takeChallenge, usePasskey } from '../../../services/store/console/passkeys.ts';
import { addPerson, endPerson, putPassword } from '../../../services/store/console/people.ts';
import { beginSession } from '../../../services/store/console/sessions.ts';
import { accessibilityOf, browserProgram, openBrowser, openWindow } from '../browser.ts';
import { type TestConsole, testConsole } from '../setup.ts';

const PASSWORD = 'correct horse battery';
let c: TestConsole;
let person_key: number;
beforeAll(async () => {
  c = await testConsole();
  person_key = await addPerson(
    c.t.db,
    { name: 'ada', role: 'operator', domains: null, email: 'ada@example.com' },
    'test',
    new Date(),
  );
  await transaction(c.t.db, async (tx) =>
    putPassword(tx, person_key, await hashPassword(PASSWORD), { by: 'test', now: new Date() }),
  );
});
afterAll(() => c.close());

const suite = browserProgram === null ? describe.skip : describe;
suite(browserProgram === null ? 'a passkey (SKIPPED: needs chromium)' : 'a passkey', () => {
  let browser: Browser;
  let base: string;
  beforeAll(async () => {
    await c.app.listen({ host: '127.0.0.1', port: 0 });
    base = `http://localhost:${(c.app.server.address() as AddressInfo).port}`;
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  test('is added with the password, signs in alone, is removed, and then does not', async () => {
    const session = await beginSession(c.t.db, person_key, { address: '127.0.0.1', agent: null }, new Date());
    const { context, page, complaints } = await openWindow(browser, { width: 800, dark: false, base });
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await context.addCookies([{ name: 'ruawatch', value: session, url: base, httpOnly: true, sameSite: 'Lax' }]);
    await page.goto('/account');
    const form = page.locator('form[data-passkey=add]');
    await form.locator('[name=name]').fill('laptop <b>');
    await form.locator('[name=password]').fill('wrong password');
    await form.locator('button').click();
    await form.locator('[data-failed]').waitFor();
    expect(await passkeysOf(c.t.db, person_key)).toEqual([]);
    await form.locator('[name=password]').fill(PASSWORD);
    await form.locator('button').click();
    await page.getByText('The passkey is added').waitFor();
    expect(await page.textContent('main')).toContain('laptop <b>');
    expect(await accessibilityOf(page)).toEqual([]);

    await context.clearCookies();
    await page.goto('/sign-in?next=/findings');
    expect(await accessibilityOf(page)).toEqual([]);
    await page.locator('form[data-passkey=use] button').click();
    await page.waitForURL((url) => url.pathname === '/findings');
    expect(await page.textContent('header')).toContain('ada');
    const [key] = await passkeysOf(c.t.db, person_key);
    expect(key).toMatchObject({ name: 'laptop <b>', used_at: expect.any(Date) });

    await page.goto('/account');
    await page.locator('button[aria-label="Remove laptop <b>"]').click();
    await page.getByText('The passkey is removed.').waitFor();
    await context.clearCookies();
    await page.goto('/sign-in');
    await page.locator('form[data-passkey=use] button').click();
    await page.locator('form[data-passkey=use] [data-failed]').waitFor();
    expect(complaints).toEqual([]);
    await context.close();
  });

  test('without script, the password form is there and the passkey is not shown', async () => {
    const { context, page } = await openWindow(browser, { width: 360, dark: true, base, script: false });
    await page.goto('/sign-in');
    expect(await page.locator('form[data-passkey]').isVisible()).toBe(false);
    expect(await page.locator('form[action="/sign-in"]').isVisible()).toBe(true);
    await context.close();
  });
});

test('a copied key, an old challenge, an unknown key: each is refused', async () => {
  const { db } = c.t;
  const now = new Date();
  await db.query(
    `insert into ruawatch.passkeys (credential_id, person_key, public_key, counter, name, created_at) values ('\\x01', $1, '\\x02', 5, 'x', now())`,
    [person_key],
  );
  expect(await usePasskey(db, Buffer.from([1]), 5, now)).toBe(false);
  expect(await usePasskey(db, Buffer.from([1]), 6, now)).toBe(true);
  expect(await takeChallenge(db, 'never kept', null, now)).toBe(false);
  const browser = c.stranger();
  const options = (await browser.post('/sign-in/passkey/options')).json<{ challenge: string }>();
  const later = new Date(now.getTime() + 6 * 60_000);
  expect(await takeChallenge(db, options.challenge, person_key, now)).toBe(false);
  expect(await takeChallenge(db, options.challenge, null, later)).toBe(false);
  expect(await takeChallenge(db, options.challenge, null, now)).toBe(true);
  expect(await takeChallenge(db, options.challenge, null, now)).toBe(false);
  await endPerson(db, 'ada', 'test', now);
  expect(await passkeysOf(db, person_key)).toEqual([]);
});
