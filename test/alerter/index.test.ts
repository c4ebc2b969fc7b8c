import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bench, bench, eventually } from './setup.ts';
import { type Sink, startSink } from './sink.ts';

let b: Bench;
let sink: Sink;
const url = () => `smtp://${sink.at}?tls=none`;
beforeEach(async () => {
  sink = await startSink();
  b = await bench();
});
afterEach(async () => {
  await b.close();
  await sink.stop();
});

test('a stop waits for the mail that is under way, each time it is asked', async () => {
  let accept: (() => void) | null = null;
  sink.behaviour.accept = () =>
    new Promise((resolve) => {
      accept = () => resolve(null);
    });
  const { service } = b.alerter(url());
  await b.event({});
  await eventually(() => expect(accept).not.toBeNull());
  let ends = 0;
  const stops = [1, 2].map(() => Promise.resolve(service.stop()).then(() => ends++));
  await b.db.query('select 1');
  expect(ends).toBe(0);
  accept!();
  await Promise.all(stops);
  expect(sink.mails).toHaveLength(1);
  expect((await b.outbox()).map(({ state }) => state)).toEqual(['sent']);
});

test('a mail server that is down is a warning once, however often it is tried', async () => {
  await sink.stop();
  const alerter = b.alerter(url());
  const levels = () =>
    alerter.logged
      .map((line) => JSON.parse(line) as { msg: string; level: number })
      .filter(({ msg }) => msg === 'alerts are waiting for the mail server')
      .map(({ level }) => (level >= 40 ? 'warning' : 'debug'));
  await b.event({});
  await eventually(() => expect(levels()).toEqual(['warning']));
  b.later(60);
  await eventually(() => expect(levels()).toEqual(['warning', 'debug']));
});
