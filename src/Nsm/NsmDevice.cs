using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NitroEnclaves.Nsm;

/// <summary>
/// The NSM's device file inside an enclave, <c>/dev/nsm</c>. The driver takes one request at a time, blocks uninterruptibly and
/// gives up after 120 seconds; callers queue in the kernel.
/// </summary>
public sealed class NsmDevice : INsmTransport, IDisposable
{
    /// <summary>Where the kernel puts the device.</summary>
    public const string DefaultPath = "/dev/nsm";

    readonly SafeNsmHandle _handle;

    NsmDevice(SafeNsmHandle handle) => _handle = handle;

    /// <summary>Opens the device.</summary>
    /// <param name="path">The device file.</param>
    /// <exception cref="FileNotFoundException">There is no such file: outside an enclave, or the kernel lacks the NSM driver.</exception>
    /// <exception cref="UnauthorizedAccessException">The file's mode keeps this user out.</exception>
    /// <exception cref="IOException">The device cannot be opened for another reason.</exception>
    public static NsmDevice Open(string path = DefaultPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        while (true)
        {
            var fd = Interop.open(path, Interop.O_RDWR | Interop.O_CLOEXEC);
            if (fd >= 0)
            {
                return new NsmDevice(new SafeNsmHandle(fd));
            }

            var errno = Marshal.GetLastPInvokeError();
            if (errno != Interop.EINTR)
            {
                throw OpenFailure(errno, path);
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="NsmException">
    /// <see cref="NsmErrorCode.InputTooLarge"/>: the request is too long;
    /// <see cref="NsmErrorCode.BufferTooSmall"/>: the response does not fit. The request has been carried out all the same.
    /// </exception>
    /// <exception cref="IOException">
    /// The driver failed; the <see cref="Exception.InnerException"/> is a <see cref="TimeoutException"/> where the device did
    /// not answer within the driver's 120 seconds.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The device has been closed.</exception>
    public int Exchange(ReadOnlySpan<byte> request, Span<byte> response)
    {
        if (request.IsEmpty)
        {
            // The driver would pass it on, and a device may take it as a broken driver and stop for good.
            throw new ArgumentException("An NSM request is not empty.", nameof(request));
        }

        if (request.Length > NsmLimits.MaxRequestLength)
        {
            throw RequestTooLong();
        }

        if (response.Length >= NsmLimits.MaxResponseLength)
        {
            return Send(request, response[..NsmLimits.MaxResponseLength]);
        }

        // The driver cuts a response to the caller's room and reports success: only with the full room is its length the true one.
        Span<byte> whole = stackalloc byte[NsmLimits.MaxResponseLength];
        var length = Send(request, whole);
        var fits = whole[..length].TryCopyTo(response);
        CryptographicOperations.ZeroMemory(whole[..length]);
        return fits
            ? length
            : throw new NsmException(
                NsmErrorCode.BufferTooSmall, $"The NSM's response has {length} bytes and does not fit into {response.Length}.");
    }

    /// <summary>Closes the device once calls in flight have returned.</summary>
    public void Dispose() => _handle.Dispose();

    // Pointers, because the kernel takes addresses inside a structure: both buffers stay fixed for the whole call.
    unsafe int Send(ReadOnlySpan<byte> request, Span<byte> response)
    {
        fixed (byte* requestAddress = request)
        fixed (byte* responseAddress = response)
        {
            var raw = new Interop.nsm_raw
            {
                request = new() { addr = (ulong)requestAddress, len = (ulong)request.Length },
                response = new() { addr = (ulong)responseAddress, len = (ulong)response.Length },
            };
            if (Interop.ioctl(_handle, Interop.NSM_IOCTL_RAW, ref raw) < 0)
            {
                throw ExchangeFailure(Marshal.GetLastPInvokeError());
            }

            return raw.response.len <= (ulong)response.Length
                ? (int)raw.response.len
                : throw new IOException($"The NSM driver reports {raw.response.len} bytes for a response of at most {response.Length}.");
        }
    }

    internal static Exception ExchangeFailure(int errno) => errno switch
    {
        Interop.EMSGSIZE => RequestTooLong(),
        Interop.ETIMEDOUT => new IOException("The NSM did not answer within the driver's 120 seconds.", new TimeoutException()),
        _ => new IOException($"The NSM driver failed: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).", errno),
    };

    internal static Exception OpenFailure(int errno, string path) => errno switch
    {
        Interop.ENOENT => new FileNotFoundException(
            $"There is no {path}: this is not an enclave, or its kernel has no NSM driver.", path),
        Interop.EACCES => new UnauthorizedAccessException($"The mode of {path} keeps this user out."),
        _ => new IOException($"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}).", errno),
    };

    static NsmException RequestTooLong() => new(
        NsmErrorCode.InputTooLarge, $"An NSM request has at most {NsmLimits.MaxRequestLength} bytes.");
}
