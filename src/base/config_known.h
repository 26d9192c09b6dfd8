/* Parameters of others, for warnings; see config_known.c. */
#ifndef BASE_CONFIG_KNOWN_H
#define BASE_CONFIG_KNOWN_H

struct config_known {
	const char *name, *owner, *instead;
};

/* Ends with a row whose name is NULL. */
extern const struct config_known config_known_table[];

#endif
