// SPDX-License-Identifier: GPL-3.0-or-later
// What .NET's own classes do not tell. RegistryKey.OpenSubKey says "not there" for every error but a refusal, GetValue
// decodes, and nothing tells when a key was written last or whether it is volatile. Language: C# 5, which PowerShell 5.1
// compiles. Nothing here throws for what Windows refuses: the code is the answer.
//
// References:
//   https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regopenkeyexw
//   https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regcreatekeyexw
//   https://learn.microsoft.com/en-us/windows-hardware/drivers/ddi/wdm/ne-wdm-_key_information_class
//   https://learn.microsoft.com/en-us/windows/win32/api/winver/nf-winver-getfileversioninfoexw

using System;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ansible_collections.pending_reboot.windows.plugins.module_utils.PendingReboot
{
    /// <summary>A key that was opened, or the Win32 error in its place.</summary>
    public class OpenedKey
    {
        public int Code;
        public SafeRegistryHandle Handle;
        /// <summary>FILETIME.</summary>
        public long LastWrite;
    }

    /// <summary>A value with every byte of its data, or the Win32 error in its place.</summary>
    public class RawValue
    {
        public int Code;
        public uint Type;
        public byte[] Data;
    }

    /// <summary>A file's version, null when it has none, or the Win32 error in its place.</summary>
    public class FileVersion
    {
        public int Code;
        public string Version;
    }

    internal static class Native
    {
        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern int RegOpenKeyExW(IntPtr key, string path, uint options, uint access, out IntPtr opened);

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern int RegCreateKeyExW(IntPtr key, string path, uint reserved, string className, uint options,
            uint access, IntPtr security, out IntPtr opened, out uint disposition);

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern int RegQueryInfoKeyW(SafeRegistryHandle key, IntPtr className, IntPtr classSize,
            IntPtr reserved, IntPtr subkeys, IntPtr longestSubkey, IntPtr longestClass, IntPtr values, IntPtr longestName,
            IntPtr longestData, IntPtr security, out long lastWrite);

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern int RegQueryValueExW(SafeRegistryHandle key, string name, IntPtr reserved, out uint type,
            byte[] data, ref uint size);

        [DllImport("advapi32.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern int RegSetValueExW(SafeRegistryHandle key, string name, uint reserved, uint type,
            byte[] data, uint size);

        [DllImport("ntdll.dll", ExactSpelling = true)]
        internal static extern int NtQueryKey(SafeRegistryHandle key, int kind, uint[] information, uint size,
            out uint needed);

        [DllImport("ntdll.dll", ExactSpelling = true)]
        internal static extern int NtQuerySystemInformation(int kind, long[] information, uint size, IntPtr needed);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode, ExactSpelling = true, SetLastError = true)]
        internal static extern uint GetFileAttributesW(string path);

        [DllImport("kernel32.dll", CharSet = CharSet.Unicode, ExactSpelling = true, SetLastError = true)]
        internal static extern uint GetLongPathNameW(string path, StringBuilder longPath, uint room);

        [DllImport("version.dll", CharSet = CharSet.Unicode, ExactSpelling = true, SetLastError = true)]
        internal static extern uint GetFileVersionInfoSizeExW(uint flags, string path, out uint handle);

        [DllImport("version.dll", CharSet = CharSet.Unicode, ExactSpelling = true, SetLastError = true)]
        internal static extern bool GetFileVersionInfoExW(uint flags, string path, uint handle, uint size, byte[] data);

        [DllImport("version.dll", CharSet = CharSet.Unicode, ExactSpelling = true)]
        internal static extern bool VerQueryValueW(byte[] data, string block, out IntPtr found, out uint size);
    }

    public static class Machine
    {
        private static readonly IntPtr LocalMachine = new IntPtr(unchecked((int)0x80000002));
        private const uint QueryValue = 0x0001, SetValue = 0x0002, EnumerateSubKeys = 0x0008;
        private const uint View64 = 0x0100, View32 = 0x0200;
        private const uint OptionVolatile = 1, TypeDword = 4;
        /// <summary>From this length on Windows wants a path that is marked as a long one.</summary>
        private const int LongPathLength = 248;
        private const int MoreData = 234, InvalidData = 13;
        private const int KeyFlagsInformation = 5, SystemTimeOfDayInformation = 3;
        private const uint FlagVolatile = 1;
        private const uint InvalidAttributes = 0xFFFFFFFF, AttributeDirectory = 0x10;
        private const uint Neutral = 2, VersionSignature = 0xFEEF04BD;

        /// <summary>Open a key below HKEY_LOCAL_MACHINE with no more rights than reading needs.</summary>
        public static OpenedKey Open(string path, int view, bool list)
        {
            IntPtr handle;
            uint access = QueryValue | (list ? EnumerateSubKeys : 0) | (view == 32 ? View32 : View64);
            int code = Native.RegOpenKeyExW(LocalMachine, path, 0, access, out handle);
            OpenedKey opened = new OpenedKey { Code = code };
            if (code == 0)
            {
                opened.Handle = new SafeRegistryHandle(handle, true);
                opened.Code = LastWrite(opened);
            }
            return opened;
        }

        /// <summary>Ask anew when the key was written last; returns the Win32 error.</summary>
        public static int LastWrite(OpenedKey key)
        {
            return Native.RegQueryInfoKeyW(key.Handle, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero,
                IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, IntPtr.Zero, out key.LastWrite);
        }

        public static RawValue Value(OpenedKey key, string name)
        {
            RawValue value = new RawValue();
            uint size = 1024;
            do
            {
                value.Data = new byte[size];
                value.Code = Native.RegQueryValueExW(key.Handle, name, IntPtr.Zero, out value.Type, value.Data, ref size);
            }
            while (value.Code == MoreData);
            if (value.Code == 0)
            {
                Array.Resize(ref value.Data, (int)size);
            }
            return value;
        }

        /// <summary>Open or create a volatile key in the 64-bit view, to write into it.</summary>
        public static OpenedKey CreateVolatile(string path)
        {
            IntPtr handle;
            uint disposition;
            int code = Native.RegCreateKeyExW(LocalMachine, path, 0, null, OptionVolatile, QueryValue | SetValue | View64,
                IntPtr.Zero, out handle, out disposition);
            OpenedKey opened = new OpenedKey { Code = code };
            if (code == 0)
            {
                opened.Handle = new SafeRegistryHandle(handle, true);
            }
            return opened;
        }

        /// <summary>Tell whether a key is volatile; null when Windows does not say.</summary>
        public static bool? IsVolatile(OpenedKey key)
        {
            uint[] flags = new uint[3];
            uint needed;
            int status = Native.NtQueryKey(key.Handle, KeyFlagsInformation, flags, 12, out needed);
            // KeyFlags, the second of three numbers, holds REG_FLAG_VOLATILE.
            return status == 0 ? (bool?)((flags[1] & FlagVolatile) != 0) : null;
        }

        public static int SetDword(OpenedKey key, string name, uint number)
        {
            return Native.RegSetValueExW(key.Handle, name, 0, TypeDword, BitConverter.GetBytes(number), 4);
        }

        /// <summary>Return when the machine started, as FILETIME; 0 when Windows does not say.</summary>
        public static long BootTime()
        {
            long[] information = new long[6];
            int status = Native.NtQuerySystemInformation(SystemTimeOfDayInformation, information, 48, IntPtr.Zero);
            return status == 0 ? information[0] : 0;
        }

        /// <summary>Return 0 when a file is at the path, else the Win32 error; 336 (ERROR_DIRECTORY_NOT_SUPPORTED) for a folder.</summary>
        public static int FileState(string path)
        {
            uint attributes = Native.GetFileAttributesW(Marked(path));
            if (attributes == InvalidAttributes)
            {
                return Marshal.GetLastWin32Error();
            }
            return (attributes & AttributeDirectory) != 0 ? 336 : 0;
        }

        private static string Marked(string path)
        {
            bool marks = path.Length >= LongPathLength && path[1] == ':';
            return marks ? "\\\\?\\" + path : path;
        }

        /// <summary>Return the path with its short names spelled out, null when it is not there.</summary>
        public static string LongPath(string path)
        {
            StringBuilder longPath = new StringBuilder(1024);
            uint length = Native.GetLongPathNameW(path, longPath, (uint)longPath.Capacity);
            return length > 0 && length < longPath.Capacity ? longPath.ToString() : null;
        }

        /// <summary>Return the version in the file itself, not that in its translation.</summary>
        public static FileVersion VersionOf(string path)
        {
            uint handle;
            path = Marked(path);
            uint size = Native.GetFileVersionInfoSizeExW(Neutral, path, out handle);
            if (size == 0)
            {
                int code = Marshal.GetLastWin32Error();
                // 1812 to 1815: no resources at all, or none of that kind, name or language.
                return new FileVersion { Code = code >= 1812 && code <= 1815 ? 0 : code };
            }
            byte[] data = new byte[size];
            if (!Native.GetFileVersionInfoExW(Neutral, path, 0, size, data))
            {
                return new FileVersion { Code = Marshal.GetLastWin32Error() };
            }
            return Fixed(data);
        }

        private static FileVersion Fixed(byte[] data)
        {
            // What VerQueryValue finds lies inside of the data, which must not move.
            GCHandle pinned = GCHandle.Alloc(data, GCHandleType.Pinned);
            try
            {
                IntPtr found;
                uint length;
                if (!Native.VerQueryValueW(data, "\\", out found, out length) || length < 16 || found == IntPtr.Zero)
                {
                    return new FileVersion();
                }
                uint signature = (uint)Marshal.ReadInt32(found);
                uint high = (uint)Marshal.ReadInt32(found, 8);
                uint low = (uint)Marshal.ReadInt32(found, 12);
                if (signature != VersionSignature || (high == 0 && low == 0))
                {
                    return new FileVersion { Code = InvalidData };
                }
                string version = string.Format("{0}.{1}.{2}.{3}", high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF);
                return new FileVersion { Version = version };
            }
            finally
            {
                pinned.Free();
            }
        }
    }
}
