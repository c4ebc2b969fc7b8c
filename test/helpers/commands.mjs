// Runs many commands of the built program in one process: `node commands.mjs`, with an array of arguments on
// each line of stdin. Answers each with a line of JSON, {code, stdout, stderr}. A process of its own for each
// of eighty commands takes a minute of CPU, nearly all of it for loading the program.
import { createInterface } from 'node:readline';

const { commandLine } = await import(new URL('../../dist/services/cli/program/index.js', import.meta.url).href);

class Exit extends Error {}
const answer = process.stdout.write.bind(process.stdout);
let said;
const into = (stream) => (data, encoding, done) => {
  said[stream] += typeof data === 'string' ? data : Buffer.from(data).toString();
  (typeof encoding === 'function' ? encoding : done)?.();
  return true;
};
process.stdout.write = into('stdout');
process.stderr.write = into('stderr');
process.exit = (code) => {
  process.exitCode = code ?? process.exitCode;
  throw new Exit();
};

for await (const line of createInterface({ input: process.stdin })) {
  said = { stdout: '', stderr: '' };
  process.exitCode = 0;
  try {
    await commandLine().parseAsync(JSON.parse(line), { from: 'user' });
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
  }
  answer(`${JSON.stringify({ code: process.exitCode, ...said })}\n`);
}
process.exitCode = 0;
