using System.Runtime.InteropServices;

namespace NitroEnclaves.Enclaves;

/// <summary>Waits for one descriptor by <c>poll(2)</c>, which every signal to this process may end early, the runtime's own among them.</summary>
static unsafe class DescriptorPoll
{
    /// <summary>Waits until a descriptor is ready or at its end; goes on after a signal.</summary>
    /// <param name="descriptor">The descriptor, which stays open meanwhile.</param>
    /// <param name="events">For what it has to be ready.</param>
    /// <param name="patience">How long it may take; nothing only looks.</param>
    /// <returns>Whether it is.</returns>
    public static bool Await(SafeHandle descriptor, short events, TimeSpan patience)
    {
        var since = Environment.TickCount64;
        // SAFETY: the structure lives on this stack frame for the call.
        var entry = new Interop.pollfd { fd = (int)descriptor.DangerousGetHandle(), events = events };
        while (true)
        {
            var left = long.Max((long)patience.TotalMilliseconds - (Environment.TickCount64 - since), 0);
            var ready = Interop.poll(&entry, 1, (int)long.Min(left, int.MaxValue));
            if (ready >= 0 || Marshal.GetLastPInvokeError() != Interop.EINTR)
            {
                return ready > 0;
            }
        }
    }
}
