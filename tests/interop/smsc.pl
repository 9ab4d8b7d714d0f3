#!/usr/bin/perl
# A message centre on Net::SMPP, for clients of ours to meet codec and sessions that we did not write.
# Prints one JSON line for its port and one for each submit_sm. What it does with a message the number's end says:
#   01 throttled at first   02 not delivered   03 receipt before the answer   04 refused for good
#   05 a receipt of text only, its id in other letters   06 hangs up at first   09 sent back as from the handset
use strict;
use warnings;
use IO::Select;
use JSON::PP;
use Net::SMPP;
use Time::HiRes qw(time);

use constant {
    RECEIPT => 0x04, STORED => 'DELIVRD', LOST => 'UNDELIV', DELIVERED => 2, UNDELIVERABLE => 5,
    RINVDSTADR => 0x0b, RINVPASWD => 0x0e, RTHROTTLED => 0x58,
};

my ($password) = @ARGV;
my $server = Net::SMPP->new_listen(
    '127.0.0.1', port => 0, smpp_version => 0x34, interface_version => 0x34, system_id => 'perl', async => 1,
) or die "cannot listen: $!";
my $json = JSON::PP->new->canonical;
$| = 1;
print $json->encode({ port => $server->sockport }), "\n";

my $select = IO::Select->new($server);
my (%mode, %seen, @owed);    # @owed: [when, deliver_sm's fields]
my $count = 0;

sub say_receipt {
    my ($pdu, $id, %how) = @_;
    my $state = $how{lost} ? LOST : STORED;
    my $text = sprintf 'id:%s sub:001 dlvrd:%03d submit date:2611221200 done date:2611221201 stat:%s err:%s text:',
        $how{id} // $id, $how{lost} ? 0 : 1, $state, $how{lost} ? '045' : '000';
    my @parameters = $how{bare} ? () : (
        receipted_message_id => "$id\0", message_state => chr($how{lost} ? UNDELIVERABLE : DELIVERED),
    );
    return [
        source_addr_ton => 1, source_addr_npi => 1, source_addr => $pdu->{destination_addr},
        destination_addr => $pdu->{source_addr}, esm_class => RECEIPT, data_coding => 0, short_message => $text,
        @parameters,
    ];
}

sub bind_peer {
    my ($peer, $pdu, $kind) = @_;
    my $answer = "bind_${kind}_resp";
    my $status = $pdu->{password} eq $password ? 0 : RINVPASWD;
    $peer->$answer(seq => $pdu->{seq}, status => $status, system_id => 'perl');
    $mode{$peer} = { peer => $peer, kind => $kind } unless $status;
}

sub hang_up {
    my ($peer) = @_;
    $select->remove($peer);
    delete $mode{$peer};
    close $peer;
}

sub submit {
    my ($peer, $pdu) = @_;
    my $to = $pdu->{destination_addr};
    my ($case) = $to =~ /(..)$/;
    my $first = !$seen{$to}++;
    print $json->encode({
        map({ $_ => $pdu->{$_} } qw(
            source_addr destination_addr esm_class data_coding registered_delivery dest_addr_ton dest_addr_npi)),
        octets => unpack('H*', $pdu->{short_message}), key => $pdu->{5377},
    }), "\n";
    return hang_up($peer) if $case eq '06' && $first;
    my $status = $case eq '01' && $first ? RTHROTTLED : $case eq '04' ? RINVDSTADR : 0;
    my $id = sprintf '00ab%04x', ++$count;
    my $receipt = say_receipt($pdu, $id, lost => $case eq '02',
        $case eq '05' ? (id => uc($id =~ s/^0+//r), bare => 1) : ());
    $peer->deliver_sm(@$receipt) if $case eq '03';
    $peer->submit_sm_resp(seq => $pdu->{seq}, status => $status, message_id => $status ? '' : $id);
    return if $status;
    push @owed, [time + 0.05, $receipt] if $case ne '03' && $pdu->{registered_delivery} & 1;
    push @owed, [time, [
        source_addr_ton => 1, source_addr_npi => 1, source_addr => $to, destination_addr => '1588',
        map({ $_ => $pdu->{$_} } qw(esm_class data_coding short_message)),
    ]] if $case eq '09';
}

sub tell_what_is_owed {
    my ($receiver) = grep { $_->{kind} ne 'transmitter' } values %mode or return;
    my ($due, @later) = (time);
    for my $one (@owed) {
        if ($one->[0] <= $due) { $receiver->{peer}->deliver_sm(@{ $one->[1] }) }
        else                   { push @later, $one }
    }
    @owed = @later;
}

my %answers = (
    0x01 => sub { bind_peer(@_, 'receiver') },
    0x02 => sub { bind_peer(@_, 'transmitter') },
    0x09 => sub { bind_peer(@_, 'transceiver') },
    0x04 => \&submit,
    0x15 => sub { $_[0]->enquire_link_resp(seq => $_[1]{seq}) },
    0x06 => sub { $_[0]->unbind_resp(seq => $_[1]{seq}); hang_up($_[0]) },
    0x80000005 => sub { },
);

local $SIG{__WARN__} = sub { };    # it warns of each parameter it does not know and of each peer that leaves
while (1) {
    for my $ready ($select->can_read(0.02)) {
        if ($ready == $server) {
            my $peer = $server->accept or next;
            $select->add($peer);
        }
        elsif (my $pdu = $ready->read_pdu) {
            if   (my $answer = $answers{ $pdu->{cmd} }) { $answer->($ready, $pdu) }
            else                                        { $ready->generic_nack(seq => $pdu->{seq}, status => 3) }
        }
        else { hang_up($ready) }
    }
    tell_what_is_owed();
}
