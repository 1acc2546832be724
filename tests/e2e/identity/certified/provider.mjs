// The certified provider that tests log in at, and get tokens from: npm's oidc-provider, set up by the JSON on its
// standard input. `resources`: by the URI that a client asks for, the format of its access tokens (jwt or opaque).
import { createServer } from 'node:http';
import Provider, { errors } from 'oidc-provider';

let text = '';
for await (const piece of process.stdin) text += piece;
const { port, clients, jwks, accessTokenSeconds, resources } = JSON.parse(text);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks,
  cookies: { keys: ['a key of tests alone'] },
  claims: { openid: ['sub'], profile: ['name', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: `User ${id}`, groups: ['clerks'] }) }),
  // By itself it calls nobody at a private address, as which the gateway's is counted here.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  features: {
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === 'gateway' },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!(resource in resources)) throw new errors.InvalidTarget();
        return {
          scope: 'orders:read orders:write',
          audience: resource,
          accessTokenFormat: resources[resource],
          accessTokenTTL: accessTokenSeconds,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  },
  issueRefreshToken: (_ctx, of) => of.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { AccessToken: accessTokenSeconds, IdToken: accessTokenSeconds },
});
provider.on('backchannel.error', (_ctx, error) => console.error(error));
provider.on('server_error', (_ctx, error) => console.error(error));
createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('listening'));
