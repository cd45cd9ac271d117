using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace NitroEnclaves.Vsock;

/// <summary>
/// The bytes of a vsock connection. One read and one write may be under way at the same time; a read returns what is there, and 0 once the
/// peer has completed its writes; a read of no bytes waits until there is something to read.
/// </summary>
/// <remarks>
/// Unlike <see cref="NetworkStream"/>, the time-outs hold for asynchronous operations too. After a time-out or a cancellation the
/// connection is intact, but a cancelled write may have sent a part of its bytes.
/// </remarks>
public sealed class VsockStream : Stream
{
    /// <summary>A peer shows its progress at least once per so many bytes of a long write; each slice has the whole time-out.</summary>
    const int WriteSlice = 256 * 1024;

    readonly VsockConnection _connection;
    readonly Socket _socket;
    readonly OperationTimeout _reading;
    readonly OperationTimeout _writing;
    readonly TimeSpan _readTimeout;
    readonly TimeSpan _writeTimeout;

    internal VsockStream(VsockConnection connection, VsockOptions options)
    {
        _connection = connection;
        _socket = connection.Socket;
        _readTimeout = options.ReadTimeout;
        _writeTimeout = options.WriteTimeout;
        _reading = new OperationTimeout(_readTimeout, options.TimeProvider);
        _writing = new OperationTimeout(_writeTimeout, options.TimeProvider);
        _socket.ReceiveTimeout = Milliseconds(_readTimeout);
        _socket.SendTimeout = Milliseconds(_writeTimeout);
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanTimeout => true;

    /// <summary>The time-out of reads in milliseconds, or -1; set through <see cref="VsockOptions.ReadTimeout"/>.</summary>
    public override int ReadTimeout => Milliseconds(_readTimeout) is > 0 and var value ? value : Timeout.Infinite;

    /// <summary>The time-out of writes in milliseconds, or -1; set through <see cref="VsockOptions.WriteTimeout"/>.</summary>
    public override int WriteTimeout => Milliseconds(_writeTimeout) is > 0 and var value ? value : Timeout.Infinite;

    /// <summary>Not supported: a connection has no length.</summary>
    public override long Length => throw new NotSupportedException();

    /// <summary>Not supported: a connection has no position.</summary>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        try
        {
            return _socket.Receive(buffer);
        }
        catch (SocketException exception)
        {
            throw Failed(exception);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var token = _reading.Start(cancellationToken);
        try
        {
            return await _socket.ReceiveAsync(buffer, token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_reading.Expired(cancellationToken))
        {
            throw TimedOut("No byte came", _readTimeout);
        }
        catch (OperationCanceledException)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (SocketException exception)
        {
            throw Failed(exception);
        }
        finally
        {
            _reading.Stop();
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                buffer = buffer[_socket.Send(buffer)..];
            }
        }
        catch (SocketException exception)
        {
            throw Failed(exception);
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (!buffer.IsEmpty)
        {
            var slice = buffer[..Math.Min(buffer.Length, WriteSlice)];
            var token = _writing.Start(cancellationToken);
            try
            {
                buffer = buffer[await _socket.SendAsync(slice, token).ConfigureAwait(false)..];
            }
            catch (OperationCanceledException) when (_writing.Expired(cancellationToken))
            {
                throw TimedOut("The peer took no byte", _writeTimeout);
            }
            catch (OperationCanceledException)
            {
                throw new OperationCanceledException(cancellationToken);
            }
            catch (SocketException exception)
            {
                throw Failed(exception);
            }
            finally
            {
                _writing.Stop();
            }
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>Does nothing: every write goes to the socket at once.</summary>
    public override void Flush()
    {
    }

    /// <summary>Does nothing: every write goes to the socket at once.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Not supported: a connection has no position.</summary>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <summary>Not supported: a connection has no length.</summary>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Closes the connection that the stream belongs to.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    VsockException TimedOut(string what, TimeSpan limit) =>
        new(VsockError.TimedOut, $"{what} on the connection with {_connection.RemoteEndPoint} within {limit.TotalSeconds:0.#} s.");

    VsockException Failed(SocketException exception) => VsockException.Transferring(_connection.RemoteEndPoint, exception);

    static int Milliseconds(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? 0 : (int)Math.Max(1, time.TotalMilliseconds);
}
