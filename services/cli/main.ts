#!/usr/bin/env node
import '../shared/runtime/semi-spaces.ts';
import { onUncaught } from '../shared/unexpected.ts';
import { commandLine } from './program/index.ts';
import { complainOf } from './program/run.ts';

// A reader that has seen enough (`| head -1`) ends the pipe, not the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

let complained = false;
// `start` has a handler of its own, which stops the services.
onUncaught((error) => {
  // Such as stderr that is closed.
  if (!complained) {
    complained = true;
    complainOf(error);
  }
  process.exit(1);
});

await commandLine().parseAsync();
