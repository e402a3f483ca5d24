// REMOVID with exact pixels over the video.
import base from './removid.mjs';
export default { ...base, about: 'REMOVID, direct mode, exact pixels over the video', args: [...base.args, '--tiles'] };
