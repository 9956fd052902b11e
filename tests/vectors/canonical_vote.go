// Makes canonical-vote.json with CometBFT v0.38.26's own encoding and signature.
// Run in a folder with go.mod and go.sum of examples/light-client: go run canonical_vote.go > canonical-vote.json
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

func main() {
	key := ed25519.GenPrivKeyFromSecret([]byte("poju test vector"))
	hash := func(b byte) []byte {
		out := make([]byte, 32)
		for i := range out {
			out[i] = b
		}
		return out
	}
	type row struct {
		Chain     string `json:"chain"`
		Kind      string `json:"type"`
		Height    int64  `json:"height"`
		Round     int32  `json:"round"`
		Hash      string `json:"hash"`
		Parts     uint32 `json:"parts"`
		PartsHash string `json:"parts_hash"`
		Seconds   int64  `json:"seconds"`
		Nanos     int64  `json:"nanos"`
		SignBytes string `json:"sign_bytes"`
		Signature string `json:"signature"`
	}
	var rows []row
	add := func(kind cmtproto.SignedMsgType, h int64, r int32, b byte, parts uint32, sec, nanos int64) {
		v := cmtproto.Vote{Type: kind, Height: h, Round: r, Timestamp: time.Unix(sec, nanos).UTC()}
		rw := row{Chain: "poju-test", Kind: map[cmtproto.SignedMsgType]string{1: "prevote", 2: "precommit"}[kind], Height: h, Round: r, Seconds: sec, Nanos: nanos}
		if b != 0 {
			v.BlockID = cmtproto.BlockID{Hash: hash(b), PartSetHeader: cmtproto.PartSetHeader{Total: parts, Hash: hash(b + 1)}}
			rw.Hash, rw.PartsHash, rw.Parts = hex.EncodeToString(hash(b)), hex.EncodeToString(hash(b+1)), parts
		}
		s := types.VoteSignBytes("poju-test", &v)
		sig, _ := key.Sign(s)
		rw.SignBytes, rw.Signature = hex.EncodeToString(s), hex.EncodeToString(sig)
		rows = append(rows, rw)
	}
	add(2, 7, 0, 0x11, 1, 1700000000, 123456789)
	add(2, 7, 0, 0x22, 1, 1700000000, 5)
	add(2, 7, 0, 0, 0, 1700000001, 0)
	add(1, 300, 3, 0x33, 130, 1700000002, 999999999)
	add(1, 300, 3, 0x44, 300, 1, 0)
	out, _ := json.MarshalIndent(map[string]any{"public": hex.EncodeToString(key.PubKey().Bytes()), "votes": rows}, "", " ")
	fmt.Println(string(out))
}
