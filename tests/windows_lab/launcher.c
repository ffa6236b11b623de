/* SPDX-License-Identifier: Apache-2.0 */
/* python.exe: the wheel that carries python311.dll has no program that starts it. */
#include <windows.h>

typedef int (*py_main)(int, wchar_t **);

int wmain(int argc, wchar_t **argv)
{
    HMODULE python = LoadLibraryW(L"python311.dll");
    py_main start = python ? (py_main)(void *)GetProcAddress(python, "Py_Main") : NULL;

    return start ? start(argc, argv) : 103;
}
