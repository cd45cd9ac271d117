using System.Runtime.InteropServices;

namespace NitroEnclaves.Virtio;

/// <summary>A descriptor that an <see cref="EventLoop"/> watches. It keeps the descriptor open until it is disposed.</summary>
public sealed class EventRegistration : IDisposable
{
    readonly EventLoop _loop;

    internal EventRegistration(EventLoop loop, SafeHandle descriptor, IReadyHandler handler, int slot, uint generation, ReadyEvents interest)
    {
        _loop = loop;
        Descriptor = descriptor;
        Handler = handler;
        Slot = slot;
        Generation = generation;
        Interest = interest;
    }

    /// <summary>What is waited for now.</summary>
    public ReadyEvents Interest { get; private set; }

    internal SafeHandle Descriptor { get; }

    internal IReadyHandler Handler { get; }

    internal int Slot { get; }

    internal uint Generation { get; }

    internal bool IsActive { get; set; } = true;

    // The event's data: a stale event of a removed registration is told from one of its successor in the same slot.
    internal ulong Token => ((ulong)Generation << 32) | (uint)Slot;

    /// <summary>Waits for something else from now on. Nothing happens where the interest is the same.</summary>
    /// <exception cref="ObjectDisposedException">The registration is disposed.</exception>
    /// <exception cref="IOException">The system refused.</exception>
    public void Modify(ReadyEvents interest)
    {
        ObjectDisposedException.ThrowIf(!IsActive, this);
        if (interest != Interest)
        {
            _loop.Control(Interop.Epoll.EPOLL_CTL_MOD, Descriptor, interest, Token);
            Interest = interest;
        }
    }

    /// <summary>Watches no more: the handler is not called again, not even for events that came in the same moment.</summary>
    public void Dispose()
    {
        if (IsActive)
        {
            _loop.Remove(this);
        }
    }
}
