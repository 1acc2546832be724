// The certified provider that tests log in at: npm's oidc-provider, set up by the JSON on its standard input.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

let text = '';
for await (const piece of process.stdin) text += piece;
const { port, client, jwks, accessTokenSeconds } = JSON.parse(text);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  jwks,
  cookies: { keys: ['a key of tests alone'] },
  claims: { openid: ['sub'], profile: ['name', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: `User ${id}`, groups: ['clerks'] }) }),
  // By itself it calls nobody at a private address, as which the gateway's is counted here.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: { backchannelLogout: { enabled: true } },
  issueRefreshToken: (_ctx, of) => of.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { AccessToken: accessTokenSeconds, IdToken: accessTokenSeconds },
});
provider.on('backchannel.error', (_ctx, error) => console.error(error));
provider.on('server_error', (_ctx, error) => console.error(error));
createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('listening'));
