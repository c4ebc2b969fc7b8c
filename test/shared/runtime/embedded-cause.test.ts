import { expect, test } from 'vitest';
import { causeOf } from '../../../services/shared/runtime/embedded-server.ts';

const failed = (stderr: string) => Object.assign(new Error('Command failed'), { stderr });

test.each([
  [
    '2026-11-28 02:26:15.755 UTC [27312] FATAL:  could not write to file "x": No space left on device\nchild process exited with exit code 1\ninitdb: removing contents of data directory "d"\n',
    'FATAL:  could not write to file "x": No space left on device',
  ],
  ['initdb: error: invalid locale settings\ninitdb: hint: see there\n', 'initdb: error: invalid locale settings'],
  ['pg_ctl: could not start server\nExamine the log output.\n', 'Examine the log output.'],
  ['', 'the server refused a command'],
])('the cause is said, and not what was cleared up after it: %j', (stderr, cause) => {
  expect(causeOf(failed(stderr))).toBe(cause);
});
