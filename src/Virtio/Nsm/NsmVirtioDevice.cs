using NitroEnclaves.Nsm;

namespace NitroEnclaves.Virtio;

/// <summary>
/// The Nitro security module as a virtio device (device type 33, one queue): takes the guest's requests from the queue, has
/// them answered, and puts the responses back.
/// </summary>
/// <remarks>
/// Linux queues two chains for each command: one to read, with the request, then one to write, with room for the response. Both
/// come back in that order, the first with length 0, and with one interrupt for the two, as the driver takes any interrupt for
/// the end of the command. A single chain with both parts is answered as well. What a guest queues otherwise comes back empty.
/// </remarks>
public sealed class NsmVirtioDevice : IVirtioDevice
{
    // One byte more than is allowed: a request that is too long stays too long for whoever answers it.
    readonly byte[] _request = new byte[NsmLimits.MaxRequestLength + 1];
    readonly byte[] _response = new byte[NsmLimits.MaxResponseLength];
    readonly INsmTransport _module;
    int _requestLength;
    ushort _requestHead;
    bool _isRequestPending;

    /// <summary>Makes the device.</summary>
    /// <param name="module">Who answers: usually an <see cref="NsmModule"/>. Called on the loop's thread.</param>
    public NsmVirtioDevice(INsmTransport module) => _module = module;

    /// <inheritdoc/>
    public int DeviceId => 33;

    /// <inheritdoc/>
    public ulong Features => 0;

    /// <inheritdoc/>
    public int QueueCount => 1;

    /// <inheritdoc/>
    public int MaxQueueSize => 1024;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Configuration => [];

    /// <inheritdoc/>
    public void Negotiated(ulong features)
    {
    }

    /// <inheritdoc/>
    public void QueueStarted(Virtqueue queue)
    {
    }

    /// <summary>A request whose response chain has not come yet stays, as the machine may be resumed.</summary>
    /// <param name="queue">The queue.</param>
    public void QueueStopped(Virtqueue queue)
    {
    }

    /// <inheritdoc/>
    public bool QueueNotified(Virtqueue queue)
    {
        queue.DisableNotifications();
        for (var budget = queue.Size; budget > 0 && queue.TryPop(out var chain); budget--)
        {
            Take(queue, chain);
        }

        queue.Publish();
        return queue.EnableNotifications();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _isRequestPending = false;
        Array.Clear(_request);
    }

    void Take(Virtqueue queue, in DescriptorChain chain)
    {
        if (chain.ReadableLength > 0)
        {
            // A second request instead of room for the first one's response.
            GiveBackRequest(queue);

            // Copied before anybody looks at it: the guest can still change its own.
            _requestLength = chain.Read(0, _request);
            if (chain.WritableLength > 0)
            {
                queue.AddUsed(chain.Head, Answer(chain));
            }
            else
            {
                _requestHead = chain.Head;
                _isRequestPending = true;
            }
        }
        else if (_isRequestPending && chain.WritableLength > 0)
        {
            var length = Answer(chain);
            GiveBackRequest(queue);
            queue.AddUsed(chain.Head, length);
        }
        else
        {
            queue.AddUsed(chain.Head, 0);
        }
    }

    void GiveBackRequest(Virtqueue queue)
    {
        if (_isRequestPending)
        {
            _isRequestPending = false;
            queue.AddUsed(_requestHead, 0);
        }
    }

    uint Answer(in DescriptorChain chain)
    {
        var response = _response.AsSpan(0, Math.Min(chain.WritableLength, _response.Length));
        int length;
        try
        {
            length = _module.Exchange(_request.AsSpan(0, _requestLength), response);
        }
        catch (Exception exception) when (exception is NsmException or IOException)
        {
            var code = exception is NsmException { Code: > NsmErrorCode.Success } refusal ? refusal.Code : NsmErrorCode.InternalError;
            NsmResponse.Error(code).TryEncode(response, out length);
        }

        return (uint)chain.Write(0, response[..length]);
    }
}
