/* Whether functions may be written by the instructions of a machine, which they then have to ask for. */
#ifndef ANN_INTRINSICS_H
#define ANN_INTRINSICS_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(ANN_NO_CLONES)
#define ANN_INTRINSICS
#include <immintrin.h>
#endif

#endif
