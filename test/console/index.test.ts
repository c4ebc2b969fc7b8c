import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startConsole } from '../../services/console/index.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';

let t: TestDatabase;
let context: Context;
beforeAll(async () => {
  t = await testDatabase();
  context = testContext(t, { env: { CONSOLE_LISTEN: '127.0.0.1:0' } });
});
afterAll(async () => {
  await context.queues.close();
  await t.drop();
});

test('it listens, and prints a link for the first account, whose page it shows', async () => {
  const lines: string[] = [];
  const running = startConsole(context, (line) => lines.push(line));
  await until(() => running.waitingFor() === null);
  expect(running.address()).toMatch(/^http:\/\/localhost:\d+$/);
  const [link] = /http:\S+\/link\/[\w-]{43}$/.exec(lines[0]!)!;
  expect(await (await fetch(link)).text()).toContain('Create the first account');
  expect((await fetch(`${running.address()}/livez`)).status).toBe(200);
  await running.stop();
  await running.stop();
  await expect(fetch(`${running.address()}/livez`)).rejects.toThrow();
});

test('an address that is taken is tried again until it is free', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  context.config.console.listen = { host: '127.0.0.1', port: (other.address() as AddressInfo).port };
  const running = startConsole(context, () => undefined);
  await until(() => running.waitingFor()?.includes('cannot be used'));
  await new Promise((resolve) => other.close(resolve));
  await until(() => running.waitingFor() === null);
  await running.stop();
});

test('without an address there is no console', () => {
  context.config.console.listen = null;
  expect(() => startConsole(context, () => undefined)).toThrow('CONSOLE_LISTEN');
});
