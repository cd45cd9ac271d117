namespace NitroEnclaves.Enclaves.Tests;

public sealed class StrangerAllowanceTests
{
    const uint Root = 0;
    const uint Owner = 1000;
    const uint Stranger = 1001;

    [Fact]
    public void Strangers_together_have_so_many_connections_and_keep_neither_owner_nor_root_out()
    {
        var allowance = new StrangerAllowance(Owner);
        for (var count = 0; count < StrangerAllowance.Most; count++)
        {
            Assert.True(allowance.TryEnter(Stranger + (uint)count));
        }

        Assert.False(allowance.TryEnter(Stranger));
        Assert.False(allowance.TryEnter(Stranger));
        Assert.True(allowance.TryEnter(Owner));
        Assert.True(allowance.TryEnter(Root));

        // They have taken no place of a stranger's, and leave none.
        allowance.Leave(Owner);
        allowance.Leave(Root);
        Assert.False(allowance.TryEnter(Stranger));
        allowance.Leave(Stranger);
        Assert.True(allowance.TryEnter(Stranger));
        Assert.False(allowance.TryEnter(Stranger));
    }
}
