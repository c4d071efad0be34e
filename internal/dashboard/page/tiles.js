// The numbers at the top.
import { el, setText, bytes, number, sum, reasons } from './dom.js';

// tiles are what is counted: a name, the number and what is to be said of it.
function tiles(status) {
  const t = status.totals;
  const failed = sum(t.failed), refused = sum(t.refused);
  return [
    ['Open connections', number(t.open), t.connecting ? `${number(t.connecting)} in their handshake` : ''],
    ['Handshakes', number(t.handshakes), 'since the service started'],
    ['Resumed', t.handshakes ? Math.round(100 * t.resumed / t.handshakes) + '\u00a0%' : '\u2013', `${number(t.resumed)} of ${number(t.handshakes)}`],
    ['Failed', number(failed), reasons(t.failed)],
    ['Refused', number(refused), reasons(t.refused)],
    ['Sent', bytes(t.sent), 'by programs'],
    ['Received', bytes(t.received), 'by programs'],
  ];
}

export function showTiles(list, status) {
  const all = tiles(status);
  while (list.children.length < all.length) {
    list.append(el('div', {}, el('dt'), el('dd', { class: 'number' }), el('dd', { class: 'more' })));
  }
  all.forEach((texts, i) => texts.forEach((text, j) => setText(list.children[i].children[j], text)));
}
