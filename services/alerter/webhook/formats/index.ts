import type { WEBHOOK_FORMATS } from '../../../shared/settings/webhook.ts';
import { jsonFormat } from './json.ts';
import { slackFormat } from './slack.ts';
import type { WebhookFormat } from './webhook-format.ts';

/**
 * The formats by the names of the setting `format`. A new one is a file here, a line below, and its name in
 * WEBHOOK_FORMATS.
 */
export const FORMATS: Record<(typeof WEBHOOK_FORMATS)[number], WebhookFormat> = {
  json: jsonFormat,
  slack: slackFormat,
};
