// A daemon that has a token asks for it once; the browser then keeps a cookie that no script can read.

import {api} from './api.js';
import {byId, h} from './dom.js';

/** Shows the question, until the daemon has taken the answer. @returns {Promise<void>} */
export function askForToken() {
  const token = h('input', {type: 'password', id: 'token', 'aria-label': 'Token', placeholder: 'WOBBLE_TOKEN', autocomplete: 'current-password', required: true});
  const error = h('p', {class: 'error', role: 'alert', hidden: true});
  const form = h('form', {class: 'annotate', id: 'session'}, token, h('button', {}, 'Use this token'));
  const box = h('section', {class: 'card', 'aria-label': 'Token'}, h('p', {}, 'This daemon asks for its token: what WOBBLE_TOKEN was where it was started.'), form, error);
  byId('alarm').after(box);
  token.focus();
  return new Promise(resolve => form.addEventListener('submit', async event => {
    event.preventDefault();
    try {
      await api.beginSession(token.value);
      box.remove();
      resolve();
    } catch (problem) {
      error.textContent = problem instanceof Error ? problem.message : String(problem);
      error.hidden = false;
      token.select();
    }
  }));
}
