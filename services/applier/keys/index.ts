import type { DkimKey } from '../../shared/settings/dkim-keys.ts';
import { keysByCommand } from './command.ts';
import { keyFiles } from './files.ts';
import type { KeyStore } from './layout.ts';

/** Where the keys of a domain of the settings are. */
export const keyStoreOf = ({ layout, folder, command, domain, bits }: DkimKey): KeyStore =>
  layout === 'command' ? keysByCommand(command!, domain, bits) : keyFiles(layout, folder!, domain, bits);
