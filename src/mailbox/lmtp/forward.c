/* See forward.h. Only names are looked at (Landlock leaves stat alone). */
#include "mailbox/lmtp/forward.h"

#include <stdio.h>
#include <sys/stat.h>

#include "proto/address.h"

enum { PATH_SIZE = 4096, DETAIL_LIMIT = 64 };

static bool
exists(const char *home, struct span suffix)
{
	char path[PATH_SIZE];
	struct stat status;
	int size = snprintf(path, sizeof(path), "%s/.forward%.*s", home,
		SPAN_PRINT(suffix));
	return size > 0 && size < PATH_SIZE && lstat(path, &status) == 0;
}

bool
forward_is_there(const char *home, const char *delimiters, struct span local)
{
	struct span base, detail;
	if (exists(home, SPAN("")))
		return true;
	return address_split_detail(local, delimiters, &base, &detail) &&
		detail.size <= DETAIL_LIMIT &&
		span_find(detail, '/') == detail.size &&
		span_find(detail, '\0') == detail.size &&
		exists(home, span_skip(local, base.size));
}
