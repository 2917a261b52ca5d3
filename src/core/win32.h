/* core/win32.h: <windows.h>, small and without its min and max, and nothing left defined. */
#ifndef AIMC_WIN32_H
#define AIMC_WIN32_H

#include "core/platform.h"

#if defined(AIMC_OS_WINDOWS)

#if !defined(WIN32_LEAN_AND_MEAN)
#define WIN32_LEAN_AND_MEAN
#define AIMC_WINDOWS_LEAN 1
#endif
#if !defined(NOMINMAX)
#define NOMINMAX
#define AIMC_WINDOWS_NOMINMAX 1
#endif
#include <windows.h>
#if defined(AIMC_WINDOWS_LEAN)
#undef WIN32_LEAN_AND_MEAN
#endif
#if defined(AIMC_WINDOWS_NOMINMAX)
#undef NOMINMAX
#endif

#if defined(_WIN32_WINNT)
#if _WIN32_WINNT < 0x0600
#error "aimem needs Windows Vista or later: define _WIN32_WINNT as 0x0601 before any header"
#endif
#endif

#endif
#endif
