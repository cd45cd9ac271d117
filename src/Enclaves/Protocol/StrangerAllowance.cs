namespace NitroEnclaves.Enclaves;

/// <summary>
/// How many connections those may have at once who are neither the enclave's owner nor root: everybody may look, and wait for the end, but
/// nobody may keep the owner out by it.
/// </summary>
/// <param name="owner">The user who may do everything.</param>
sealed class StrangerAllowance(uint owner)
{
    /// <summary>So many connections all strangers have together.</summary>
    public const int Most = 32;

    int _count;

    /// <summary>Takes a connection in; false where there are too many of its kind.</summary>
    /// <param name="user">Who has connected.</param>
    public bool TryEnter(uint user)
    {
        if (CommandPolicy.PermitsAll(user, owner) || Interlocked.Increment(ref _count) <= Most)
        {
            return true;
        }

        Interlocked.Decrement(ref _count);
        return false;
    }

    /// <summary>Lets one go that was taken in.</summary>
    /// <param name="user">Who had connected.</param>
    public void Leave(uint user)
    {
        if (!CommandPolicy.PermitsAll(user, owner))
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
