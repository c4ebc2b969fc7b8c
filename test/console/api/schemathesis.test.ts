import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_ROUTES } from '../../../services/console/api/index.ts';
import { addPerson } from '../../../services/store/console/people.ts';
import { TOKEN_SCOPES } from '../../../services/store/console/rights.ts';
import { makeToken } from '../../../services/store/console/tokens.ts';
import { type TestConsole, testConsole } from '../setup.ts';

/** The program, which `.ci/full api` installs; the tests of each route run without it. */
const program = process.env.SCHEMATHESIS;

/** What the answers are held against: the description, and that nothing fails on our side. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'ignored_auth',
];

describe.skipIf(program === undefined)(
  program === undefined ? 'schemathesis (SKIPPED: needs SCHEMATHESIS)' : 'schemathesis',
  () => {
    let c: TestConsole;
    beforeAll(async () => {
      // The limits a minute are not what is asked here.
      const routes = API_ROUTES.map((route) => ({ ...route, perMinute: 1_000_000 }));
      c = await testConsole({ routes, perToken: 1_000_000 });
      await c.t.db.query(
        `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now())`,
      );
      for (let n = 0; n < 5; n++) await c.finding('unauthorized_source', 'example.com', `s${n}.example`);
    });
    afterAll(() => c?.close());

    test('finds no answer that the description does not have', async () => {
      const person_key = await addPerson(c.t.db, { name: 'ada', role: 'admin', domains: null }, 'test', new Date());
      const given = { person_key, person: 'ada', name: 'fuzz', scopes: TOKEN_SCOPES, domains: null };
      const { token } = await makeToken(c.t.db, { ...given, ends_at: new Date(Date.now() + 3_600_000) }, 'test', new Date());
      await c.app.listen({ host: '127.0.0.1', port: 0 });
      const base = `http://127.0.0.1:${(c.app.server.address() as AddressInfo).port}`;
      const run = promisify(execFile)(
        program!,
        [
          'run',
          `${base}/api/v1/openapi.json`,
          '--checks',
          CHECKS.join(','),
          '--max-examples',
          process.env.SCHEMATHESIS_EXAMPLES ?? '20',
          '--no-color',
          '--continue-on-failure',
          '-H',
          `Authorization: Bearer ${token}`,
        ],
        { cwd: mkdtempSync(path.join(tmpdir(), 'schemathesis-')), maxBuffer: 1 << 26 },
      );
      const out = await run.then(
        ({ stdout }) => stdout,
        (error: { stdout?: string }) => `FAILED ${error.stdout ?? String(error)}`,
      );
      expect(out).not.toMatch(/^FAILED/);
    }, 1_200_000);
  },
);
