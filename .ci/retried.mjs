// A reporter of vitest's that writes the tests which passed at their second try, a JSON array of `{file, name, retries}`, to the
// file that VITEST_RETRIED_FILE names: vitest's own JSON does not tell them from others. .ci/totals.mjs counts and names them.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

export default class Retried {
  onTestRunEnd(modules) {
    const retried = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test) => {
        const { retryCount = 0 } = test.diagnostic() ?? {};
        if (retryCount === 0) return [];
        return [{ file: path.relative(process.cwd(), module.moduleId), name: test.fullName, retries: retryCount }];
      }),
    );
    writeFileSync(process.env.VITEST_RETRIED_FILE, JSON.stringify(retried));
  }
}
