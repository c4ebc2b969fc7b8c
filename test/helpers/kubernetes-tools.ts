import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Where scripts/kubernetes-tools.sh puts what it builds. */
const FOLDER = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'ruawatch/bin');

/** A tool that scripts/kubernetes-tools.sh builds; null where it was not built. */
export function kubernetesTool(name: 'helm' | 'etcd' | 'kube-apiserver' | 'kubectl' | 'pebble'): string | null {
  const file = path.join(FOLDER, name);
  return existsSync(file) ? file : null;
}

/**
 * The definitions of KEDA, the Prometheus Operator and the Gateway API, as the script took them; null
 * without.
 */
export function crdFolder(): string | null {
  const folder = path.join(FOLDER, '../crds');
  return existsSync(folder) ? folder : null;
}

/** The end of the name of a suite that needs tools which are not there: " (SKIPPED: …)", else nothing. */
export function skippedWithout(tools: Record<string, string | null>): string {
  const missing = Object.keys(tools).filter((name) => tools[name] === null);
  return missing.length === 0 ? '' : ` (SKIPPED: scripts/kubernetes-tools.sh has not built ${missing.join(', ')})`;
}
