namespace NitroEnclaves.Virtio;

static partial class Interop
{
    /// <summary>Error numbers of errno(3), asm-generic values (x86-64 and arm64).</summary>
    internal static class Errno
    {
        internal const int EINTR = 4;
        internal const int EAGAIN = 11;
        internal const int ENOENT = 2;
        internal const int EPIPE = 32;
        internal const int ECONNABORTED = 103;
        internal const int ECONNRESET = 104;
    }
}
