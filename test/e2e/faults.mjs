/**
 * Loaded with `node --import` into the process that the test of hostile mails starts: makes the decompression
 * of certain bytes hang, eat memory or kill the process, as a fault in a library would. The program itself
 * knows nothing of it.
 */
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

const { inflateRawSync } = zlib;
zlib.inflateRawSync = (...args) => {
  const result = inflateRawSync(...args);
  const fault = /FAULT:(\w+)/.exec((result.buffer ?? result).toString('latin1', 0, 64))?.[1];
  if (fault === 'hang') for (;;);
  if (fault === 'backtrack') /^(a+)+$/.test(`${'a'.repeat(64)}!`);
  if (fault === 'eat') for (const kept = []; ; ) kept.push(new Array(10_000).fill(kept.length));
  if (fault === 'kill') process.kill(process.pid, 'SIGKILL');
  return result;
};
syncBuiltinESMExports();
