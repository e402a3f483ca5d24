// REMOVID without exact pixels over the video.
import base from './removid.mjs';
export default { ...base, about: 'REMOVID, direct mode, video alone', args: [...base.args, '--no-tiles'] };
