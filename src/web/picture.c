/*
 * libqrencode chooses the modules; each run of dark ones in a row becomes one
 * piece of a path. Four modules around it stay light, as readers want.
 */
#include "web/picture.h"

#include <qrencode.h>

enum { MARGIN = 4, TEXT_LIMIT = 512 };

/* Runs of dark modules: "M x y h length v1 h-length z". */
static void
add_row(struct buffer *out, const QRcode *code, int y)
{
	int x = 0;
	while (x < code->width) {
		int begin = x;
		while (x < code->width &&
		    (code->data[y * code->width + x] & 1) != 0)
			x++;
		if (x > begin)
			buffer_print(out, "M%d %dh%dv1h-%dz", begin + MARGIN,
				y + MARGIN, x - begin, x - begin);
		else
			x++;
	}
}

void
picture_add(struct buffer *out, struct span text)
{
	if (text.size == 0 || text.size > TEXT_LIMIT)
		return;
	QRcode *code = QRcode_encodeData((int)text.size,
		(const unsigned char *)text.data, 0, QR_ECLEVEL_M);
	if (code == NULL)
		return;
	int size = code->width + 2 * MARGIN;
	buffer_print(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
		"width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"role=\"img\"><rect width=\"100%%\" height=\"100%%\" "
		"fill=\"#fff\"/><path fill=\"#000\" d=\"", size * 4, size * 4,
		size, size);
	for (int y = 0; y < code->width; y++)
		add_row(out, code, y);
	buffer_add_string(out, "\"/></svg>\n");
	QRcode_free(code);
}
