import type { Web } from '../dns/web.ts';

/**
 * What is published for the internet may have a private address inside an organization's own network, which
 * says nothing of what senders see: such a document counts as not answered.
 */
export function publicWeb(web: Web): Web {
  return {
    async get(url, options) {
      const answer = await web.get(url, options);
      return answer.state === 'broken' && answer.private ? { state: 'unknown', message: answer.message } : answer;
    },
  };
}
