/* A QR code (ISO/IEC 18004) as SVG, for those who would rather look than type. */
#ifndef WEB_PICTURE_H
#define WEB_PICTURE_H

#include "base/buffer.h"

/* Nothing when the text is too long for one. */
void
picture_add(struct buffer *out, struct span text);

#endif
