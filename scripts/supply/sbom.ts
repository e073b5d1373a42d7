// `npm run sbom`: what the image is made of, as CycloneDX 1.6 JSON on stdout, from package-lock.json and the installed
// packages. Without development packages; `--all` has them too. The same lock file gives the same document.
import { componentsOf } from './components.ts';

const components = componentsOf({ withDevelopment: process.argv.includes('--all') });
const document = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  version: 1,
  metadata: { component: { type: 'application', name: 'daily-scan', 'bom-ref': 'daily-scan' } },
  components: components.map(({ name, version, integrity, license, isDevelopment }) => {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    const digest = /^sha512-(.+)$/.exec(integrity)?.[1];
    return {
      type: 'library',
      'bom-ref': purl,
      name,
      version,
      purl,
      scope: isDevelopment ? 'excluded' : 'required',
      ...(digest === undefined
        ? {}
        : { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] }),
      ...(license === null ? {} : { licenses: [{ expression: license }] }),
    };
  }),
};
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
