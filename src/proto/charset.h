/*
 * Charsets to UTF-8: the labels of the WHATWG encoding standard and the other
 * charsets of mail (UTF-7, ISO-2022-CN, HZ, Johab, JIS X 0213), mapped by a
 * table as mail clients do (gb2312 -> gb18030, big5 -> big5-hkscs, shift_jis ->
 * cp932, ks_c_5601-1987 -> cp949, iso-8859-1 -> windows-1252). Nothing else ever
 * reaches iconv_open; ISO-2022-CN-EXT never does. iconv opens nothing inside a
 * jail, so all are opened before (charset_open_all).
 */
#ifndef PROTO_CHARSET_H
#define PROTO_CHARSET_H

#include "base/buffer.h"

/* Opens every converter once (and so loads its module); call before the jail.
 * Converters that this system lacks are left out. */
void
charset_open_all(void);

/* Is this label known (any case)? */
bool
charset_is_known(struct span label);

/*
 * Appends the text as UTF-8; what cannot be converted becomes U+FFFD. With an
 * unknown label, or us-ascii and bytes that are not, it is taken as UTF-8 where
 * that is valid, else as windows-1252. False only when the label is unknown.
 */
bool
charset_to_utf8(struct buffer *out, struct span label, struct span text);

/*
 * The same for text that comes in pieces: converts what is whole and returns
 * how many bytes that was; the others belong in front of the next piece. All is
 * taken when is_last, and when nothing can be cut off CHARSET_PIECE_LIMIT bytes.
 * UTF-16 with a mark at its start is only for text in one piece.
 */
enum { CHARSET_PIECE_LIMIT = 65536 };
size_t
charset_part_to_utf8(struct buffer *out, struct span label, struct span text,
	bool is_last);

/*
 * The form in which text is compared for SEARCH: full case folding and NFKC
 * (i;unicode-casemap in effect, RFC 5051). Input and output are UTF-8; bytes
 * that are not are repaired. Pieces that begin with a line end or an ASCII
 * character fold by themselves to what they are in the whole.
 */
void
charset_fold(struct buffer *out, struct span utf8);

#endif
